// SPDX-License-Identifier: Apache-2.0
#include "http/client.h"

#include <poll.h>

#include <algorithm>
#include <list>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "base/printable.h"
#include "http/body.h"
#include "http/buffer.h"
#include "http/connect.h"
#include "http/parser.h"
#include "http/socks5.h"

namespace gantry::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kReadAhead = 8 << 10;     // bytes, of a head
constexpr std::size_t kSendBlock = 64 << 10;    // bytes of a body between two looks for an early answer
constexpr std::size_t kMostSkipped = 64 << 10;  // bytes of a body that nobody wants
constexpr int kMostInterim = 16;                // 1xx answers before the final one
// RFC 9110 section 10.1.1: a client does not wait for ever; old servers never say 100.
constexpr milliseconds kContinueWait{1000};

bool is_idempotent(std::string_view method) {
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  return std::ranges::find(kMethods, method) != std::end(kMethods);
}

bool usually_has_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

// What says how a message is framed and where it goes follows from the rest of a request.
bool is_ours(std::string_view name) {
  constexpr std::string_view kOurs[] = {"Host",       "Content-Length", "Transfer-Encoding",
                                        "Connection", "Expect",         "Upgrade"};
  return std::ranges::any_of(kOurs, [&](std::string_view one) { return equals_ignoring_case(name, one); });
}

Result<std::string> basic_of(const Url& url) {
  const std::size_t colon = std::min(url.user_info.find(':'), url.user_info.size());
  const std::string_view user_info = url.user_info;
  std::string user = TRY(percent_decode(user_info.substr(0, colon)));
  std::string password = TRY(percent_decode(user_info.substr(std::min(colon + 1, user_info.size()))));
  return format_basic({.user = std::move(user), .password = std::move(password)});
}

// Reads one head, and leaves what follows it in the buffer. The text of the head, still there too.
Result<std::string> read_head(Stream& stream, Buffer& buffer, std::size_t limit) {
  HeadFinder finder;
  for (;;) {
    const auto size = finder.find(buffer.view());
    if (!size) return error(Code::DataLoss, "what came back is not HTTP: {}", size.error().message());
    if (size->value_or(buffer.size()) > limit)
      return error(Code::DataLoss, "the answer's head is longer than {} bytes", limit);
    if (*size) {
      std::string head(buffer.view().substr(0, **size));
      buffer.consume(**size);
      return head;
    }
    const std::size_t got = TRY(stream.read(buffer.prepare(kReadAhead)));
    if (got == 0) {
      if (buffer.empty())
        return error(Code::Unavailable, "the server closed the connection without an answer");
      return error(Code::DataLoss, "the connection ended inside of the answer's head");
    }
    buffer.commit(got);
  }
}

Result<ParsedResponse> parse_answer(std::string_view head, std::string_view method) {
  auto parsed = parse_response(head, method);
  if (!parsed) return error(Code::DataLoss, "what came back is not HTTP: {}", parsed.error().message());
  return parsed;
}

// The proxy that is asked for the URL itself, rather than for a way to its server.
const Proxy* forwarder_of(const Url& url, const ClientOptions& options) {
  const Proxy* proxy = options.unix_socket.empty() && !url.is_tls() ? options.proxies.for_url(url) : nullptr;
  return proxy != nullptr && proxy->protocol == Proxy::Protocol::Http ? proxy : nullptr;
}

std::string origin_of(const Url& url, const ClientOptions& options) {
  if (!options.unix_socket.empty()) return url.scheme;
  const Proxy* proxy = forwarder_of(url, options);
  return proxy != nullptr ? "through " + proxy->url.origin() : url.origin();
}

}  // namespace

// ---- The connection of one exchange

class ClientConnection {
 public:
  ClientConnection(Stream connected, std::string connection_origin)
      : stream(std::move(connected)), origin(std::move(connection_origin)) {}

  // Nothing may have come, not even the end.
  bool is_fit_for_use() {
    if (!buffer.empty()) return false;
    std::byte unexpected[1];
    const auto attempt = stream.try_read(unexpected);
    return attempt && attempt->wants == Stream::Wants::Reading;
  }

  Stream stream;
  Buffer buffer;
  const std::string origin;  // what it may be used again for
  std::optional<BodyReader> body;
  bool is_new = true;
  bool has_answered = false;  // bytes of the answer have come
  bool keeps_alive = false;
  Stream::Time idle_since;
  std::shared_ptr<ConnectionPool> home;  // null unless it may be kept
};

// ---- What waits for the next request

class ConnectionPool {
 public:
  explicit ConnectionPool(const ClientOptions& options)
      : keep_alive_(options.keep_alive), max_per_origin_(options.max_idle_per_origin) {}

  std::unique_ptr<ClientConnection> take(const std::string& origin) {
    for (;;) {
      std::unique_ptr<ClientConnection> connection;
      {
        MutexLock lock(mutex_);
        const auto found = idle_.find(origin);
        if (found == idle_.end() || found->second.empty()) return nullptr;
        // The one whose server is least likely to be tired of it.
        connection = std::move(found->second.back());
        found->second.pop_back();
      }
      if (steady_clock::now() - connection->idle_since < keep_alive_ && connection->is_fit_for_use()) {
        connection->is_new = false;
        connection->has_answered = false;
        return connection;
      }
    }
  }

  void give_back(std::unique_ptr<ClientConnection> connection) {
    connection->body.reset();
    connection->buffer.free_if_empty();
    connection->home = nullptr;
    connection->idle_since = steady_clock::now();
    std::vector<std::unique_ptr<ClientConnection>> old;  // closed after the lock is given back
    MutexLock lock(mutex_);
    if (is_closed_) return;
    for (auto& [origin, connections] : idle_)
      while (!connections.empty() &&
             connection->idle_since - connections.front()->idle_since >= keep_alive_) {
        old.push_back(std::move(connections.front()));
        connections.erase(connections.begin());
      }
    auto& idle = idle_[connection->origin];
    idle.push_back(std::move(connection));
    if (idle.size() > max_per_origin_) {
      old.push_back(std::move(idle.front()));
      idle.erase(idle.begin());
    }
    lock.unlock();
  }

  void clear(bool for_good) {
    std::map<std::string, std::vector<std::unique_ptr<ClientConnection>>> old;
    MutexLock lock(mutex_);
    old.swap(idle_);
    is_closed_ = is_closed_ || for_good;
    lock.unlock();
  }

 private:
  const milliseconds keep_alive_;
  const std::size_t max_per_origin_;
  Mutex mutex_;  // guards what follows
  // By origin, oldest first.
  std::map<std::string, std::vector<std::unique_ptr<ClientConnection>>> idle_ GUARDED_BY(mutex_);
  bool is_closed_ GUARDED_BY(mutex_) = false;
};

// ---- The client

class Client::Impl {
 public:
  explicit Impl(ClientOptions options)
      : options_(std::move(options)), pool_(std::make_shared<ConnectionPool>(options_)) {}
  ~Impl() { pool_->clear(true); }

  Result<ClientResponse> send(const ClientRequest& request);
  void close_idle() { pool_->clear(false); }

 private:
  // An answer of another connection than the one that broke is as good.
  bool may_repeat(const ClientRequest& request, const ClientConnection& connection) const {
    return !connection.is_new && !connection.has_answered && is_idempotent(request.method) &&
           request.body_source == nullptr;
  }

  Result<std::shared_ptr<const TlsContext>> tls();
  Result<std::unique_ptr<ClientConnection>> connect(const ClientRequest& request);
  Result<Stream> connect_by_proxy(const Proxy& proxy, const Url& url, Stream::Time deadline);
  Result<void> open_tunnel(Stream& stream, const Url& proxy, const Url& url);
  Result<RequestHead> make_head(const ClientRequest& request, const Framing& framing) const;
  Result<ParsedResponse> exchange(ClientConnection& connection, const ClientRequest& request);
  Result<ParsedResponse> read_answer(ClientConnection& connection, const ClientRequest& request);
  Result<bool> may_send_body(ClientConnection& connection, const ClientRequest& request);
  Result<bool> send_body(ClientConnection& connection, const ClientRequest& request, BodyWriter& writer);

  const ClientOptions options_;
  const std::shared_ptr<ConnectionPool> pool_;  // also owned by responses that are still read
  Mutex mutex_;                                 // guards what follows
  std::shared_ptr<const TlsContext> tls_ GUARDED_BY(mutex_);
};

// Made when it is needed: reading the system's authorities takes tens of milliseconds.
Result<std::shared_ptr<const TlsContext>> Client::Impl::tls() {
  MutexLock lock(mutex_);
  if (!tls_) tls_ = TRY(TlsContext::for_client(options_.tls));
  return tls_;
}

Result<std::unique_ptr<ClientConnection>> Client::Impl::connect(const ClientRequest& request) {
  const Url& url = request.url;
  Stream::Time deadline = steady_clock::now() + options_.connect_timeout;
  if (request.deadline) deadline = std::min(deadline, *request.deadline);
  const bool is_unix = !options_.unix_socket.empty();
  const Proxy* proxy = is_unix ? nullptr : options_.proxies.for_url(url);
  Stream stream =
      is_unix ? TRY(connect_unix(options_.unix_socket, deadline))
      : proxy != nullptr
          ? TRY_DURING(connect_by_proxy(*proxy, url, deadline), "proxy '{}'", proxy->url.authority())
          : TRY(connect_tcp(request.connect_host.empty() ? url.host : request.connect_host,
                            url.effective_port(), deadline));
  stream.set_deadline(deadline);
  if (url.is_tls()) TRY(stream.start_tls(*TRY(tls()), url.host));
  return std::make_unique<ClientConnection>(std::move(stream), origin_of(url, options_));
}

// The server's bytes, or the proxy's where that forwards requests.
Result<Stream> Client::Impl::connect_by_proxy(const Proxy& proxy, const Url& url, Stream::Time deadline) {
  Stream stream = TRY(connect_tcp(proxy.url.host, proxy.url.effective_port(), deadline));
  stream.set_deadline(deadline);
  if (proxy.protocol == Proxy::Protocol::Socks5) {
    TRY(connect_socks5(stream, proxy.url, url));
    return stream;
  }
  // Made for each connection: whoever has such a proxy has few.
  if (proxy.url.is_tls())
    TRY(stream.start_tls(*TRY(TlsContext::for_client(options_.proxy_tls)), proxy.url.host));
  if (url.is_tls()) TRY(open_tunnel(stream, proxy.url, url));
  return stream;
}

Result<void> Client::Impl::open_tunnel(Stream& stream, const Url& proxy, const Url& url) {
  std::string target = url.origin();
  target.erase(0, target.find("//") + 2);
  RequestHead head{.method = "CONNECT", .target = target};
  head.headers.add("Host", target);
  head.headers.add("User-Agent", options_.user_agent);
  if (!proxy.user_info.empty()) head.headers.add("Proxy-Authorization", TRY(basic_of(proxy)));
  TRY(stream.write(bytes_of(TRY(serialize(head)))));
  Buffer buffer;
  for (int i = 0; i < kMostInterim; ++i) {
    const auto answer = TRY(parse_answer(TRY(read_head(stream, buffer, options_.max_head)), "CONNECT"));
    const int status = answer.head.status;
    if (status < 200) continue;
    if (status >= 300)
      return error(code_of_status(status), "CONNECT was answered with {} {}", status, status_text(status));
    if (!buffer.empty()) return error(Code::DataLoss, "bytes before the TLS handshake");
    return {};
  }
  return error(Code::DataLoss, "no final answer to CONNECT");
}

Result<RequestHead> Client::Impl::make_head(const ClientRequest& request, const Framing& framing) const {
  const Url& url = request.url;
  RequestHead head{.method = request.method, .target = url.target()};
  // Where a proxy finds the server itself, it needs the whole URL (RFC 9112 section 3.2.2).
  const Proxy* proxy = forwarder_of(url, options_);
  if (proxy != nullptr) head.target = url.str();
  HeaderMap& headers = head.headers;
  headers.add("Host", url.authority());
  for (const Header& header : request.headers)
    if (!is_ours(header.name)) headers.add(header.name, header.value);
  if (!headers.has("User-Agent")) headers.add("User-Agent", options_.user_agent);
  if (!headers.has("Accept")) headers.add("Accept", "*/*");
  if (!url.user_info.empty() && !headers.has("Authorization"))
    headers.add("Authorization", TRY(basic_of(url)));
  if (proxy != nullptr && !proxy->url.user_info.empty())
    headers.set("Proxy-Authorization", TRY(basic_of(proxy->url)));
  if (framing.kind == Framing::Kind::Chunked)
    headers.add("Transfer-Encoding", "chunked");
  else if (framing.length > 0 || usually_has_body(request.method))
    headers.add("Content-Length", std::to_string(framing.length));
  if (request.expects_continue && (framing.length > 0 || framing.kind == Framing::Kind::Chunked))
    headers.add("Expect", "100-continue");
  if (!request.upgrade.empty()) {
    headers.add("Connection", "Upgrade");
    headers.add("Upgrade", request.upgrade);
  }
  return head;
}

// The head of the final answer, which may come while the body is still being sent.
Result<ParsedResponse> Client::Impl::read_answer(ClientConnection& connection, const ClientRequest& request) {
  Stream& stream = connection.stream;
  Stream::Time deadline = steady_clock::now() + request.answer_timeout.value_or(options_.answer_timeout);
  if (request.deadline) deadline = std::min(deadline, *request.deadline);
  stream.set_deadline(deadline);
  stream.set_timeout(std::nullopt);
  for (int i = 0; i < kMostInterim; ++i) {
    auto head = read_head(stream, connection.buffer, options_.max_head);
    connection.has_answered = connection.has_answered || head || !connection.buffer.empty();
    if (!head) return std::move(head).error();
    auto answer = TRY(parse_answer(*head, request.method));
    if (answer.head.status >= 200 || answer.head.status == 101) return answer;
  }
  return error(Code::DataLoss, "more than {} interim answers", kMostInterim);
}

// Waits a while for the 100 that asks for the body. False: an answer came instead.
Result<bool> Client::Impl::may_send_body(ClientConnection& connection, const ClientRequest& request) {
  connection.stream.set_timeout(kContinueWait);
  auto head = read_head(connection.stream, connection.buffer, options_.max_head);
  connection.stream.set_timeout(options_.idle_timeout);
  if (!head) {
    if (head.error().code() == Code::TimedOut && connection.buffer.empty()) return true;
    return std::move(head).error();
  }
  connection.has_answered = true;
  const auto answer = TRY(parse_answer(*head, request.method));
  if (answer.head.status == 100) return true;
  connection.stream.unread(connection.buffer.view());
  connection.stream.unread(*head);
  connection.buffer.consume(connection.buffer.size());
  return false;
}

// False: the server has answered before it had all.
Result<bool> Client::Impl::send_body(ClientConnection& connection, const ClientRequest& request,
                                     BodyWriter& writer) {
  if (request.body_source == nullptr && request.body.size() <= kSendBlock) {
    TRY(writer.write(bytes_of(request.body)));
    return true;
  }
  StringSource text(request.body);
  ByteSource& source = request.body_source != nullptr ? *request.body_source : text;
  const auto block = std::make_unique_for_overwrite<std::byte[]>(kSendBlock);
  for (;;) {
    const std::size_t bytes =
        TRY_DURING(source.read(std::span(block.get(), kSendBlock)), "read the body to send");
    if (bytes == 0) return true;
    pollfd peer{.fd = connection.stream.fd(), .events = POLLIN};
    if (connection.stream.has_buffered() || ::poll(&peer, 1, 0) == 1) {
      // In TLS not everything that comes is an answer.
      const auto attempt = TRY(connection.stream.try_read(connection.buffer.prepare(kReadAhead)));
      connection.buffer.commit(attempt.bytes);
      if (attempt.wants == Stream::Wants::Nothing) return false;
    }
    TRY(writer.write(std::span(block.get(), bytes)));
  }
}

Result<ParsedResponse> Client::Impl::exchange(ClientConnection& connection, const ClientRequest& request) {
  Framing framing{.kind = Framing::Kind::Length, .length = request.body.size()};
  if (request.body_source != nullptr)
    framing = request.body_length ? Framing{.kind = Framing::Kind::Length, .length = *request.body_length}
                                  : Framing{.kind = Framing::Kind::Chunked};
  const RequestHead head = TRY(make_head(request, framing));
  BodyWriter writer(connection.stream, TRY(serialize(head)), framing);
  connection.stream.set_deadline(request.deadline);
  connection.stream.set_timeout(options_.idle_timeout);

  bool is_all_sent = true;
  const auto send = [&]() -> Result<void> {
    if (head.headers.has("Expect")) {
      TRY(writer.flush_head());
      is_all_sent = TRY(may_send_body(connection, request));
    }
    is_all_sent = is_all_sent && TRY(send_body(connection, request, writer));
    if (is_all_sent) TRY(writer.finish());
    return {};
  };
  Result<void> sent = send();
  // A server that refuses a body answers and closes; then writing fails, and the answer says why.
  const bool is_cut =
      !sent && (sent.error().errno_value() == EPIPE || sent.error().errno_value() == ECONNRESET);
  if (!sent && !is_cut) return std::move(sent).error();
  auto answer = read_answer(connection, request);
  if (!answer && is_cut && !connection.has_answered) return std::move(sent).error();
  if (answer && (is_cut || !is_all_sent)) answer->keeps_alive = false;
  return answer;
}

Result<ClientResponse> Client::Impl::send(const ClientRequest& request) {
  const auto doing = [&] { return request.method + " " + printable(request.url.str(), 300); };
  std::unique_ptr<ClientConnection> connection = pool_->take(origin_of(request.url, options_));
  for (;;) {
    if (!connection) connection = TRY_DURING(connect(request), "{}", doing());
    auto answer = exchange(*connection, request);
    if (!answer && may_repeat(request, *connection)) {
      connection.reset();
      continue;
    }
    if (!answer) return std::move(answer).error().during(doing());
    connection->stream.set_deadline(request.deadline);
    connection->stream.set_timeout(options_.idle_timeout);
    connection->keeps_alive = answer->keeps_alive;
    connection->body.emplace(connection->stream, connection->buffer, answer->framing);
    connection->home = pool_;
    return ClientResponse(std::move(answer->head), std::move(connection));
  }
}

// ---- What callers see

Result<ClientOptions> ClientOptions::from_environment() {
  ClientOptions options;
  options.proxies = TRY(Proxies::from_environment());
  return options;
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<ClientResponse> Client::send(const ClientRequest& request) { return impl_->send(request); }
void Client::close_idle() { impl_->close_idle(); }

ClientResponse::ClientResponse(ResponseHead head, std::unique_ptr<ClientConnection> connection)
    : head_(std::move(head)), connection_(std::move(connection)) {}
ClientResponse::ClientResponse(ClientResponse&&) noexcept = default;

ClientResponse& ClientResponse::operator=(ClientResponse&& other) noexcept {
  ClientResponse old(std::move(*this));  // gives its connection back
  head_ = std::move(other.head_);
  connection_ = std::move(other.connection_);
  return *this;
}

ClientResponse::~ClientResponse() {
  if (!connection_ || !connection_->keeps_alive) return;
  // What is left of a short body has mostly come already: reading it is cheaper than a new connection.
  BodyReader& left = *connection_->body;
  connection_->stream.set_deadline(steady_clock::now());
  std::byte skipped[4 << 10];
  const std::uint64_t end = left.bytes_read() + kMostSkipped;
  while (!left.is_finished() && left.bytes_read() < end && left.read(skipped)) {
  }
  if (!left.is_finished()) return;
  const std::shared_ptr<ConnectionPool> home = connection_->home;
  home->give_back(std::move(connection_));
}

ByteSource& ClientResponse::body() { return *connection_->body; }
std::optional<std::uint64_t> ClientResponse::body_length() const { return connection_->body->length(); }
Result<std::string> ClientResponse::read_body(std::size_t limit) {
  return read_all(body(), "the answer's body", limit);
}

Result<Stream::Attempt> ClientResponse::try_read_body(std::span<std::byte> into) {
  return connection_->body->try_read(into);
}
Stream& ClientResponse::stream() { return connection_->stream; }

Result<Stream> ClientResponse::take_stream() && {
  connection_->stream.unread(connection_->buffer.view());
  connection_->stream.set_deadline(std::nullopt);
  connection_->stream.set_timeout(std::nullopt);
  Stream stream = std::move(connection_->stream);
  connection_.reset();
  return stream;
}

Result<std::optional<Url>> redirect_of(const Url& asked, const ClientResponse& response) {
  switch (response.status()) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308: break;
    default: return std::optional<Url>{};
  }
  const auto location = response.headers().get("Location");
  if (!location)
    return error(Code::DataLoss, "{}: a redirect ({}) without Location", asked.str(), response.status());
  auto url = asked.resolve(*location);
  if (!url) return error(Code::DataLoss, "{}: redirect to {}", asked.str(), url.error().message());
  return std::optional(*std::move(url));
}

}  // namespace gantry::http
