// SPDX-License-Identifier: Apache-2.0
#include "http/http2/service.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>
#include "base/lower_case.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "http/date_now.h"
#include "http/http2/connection.h"

namespace gantry::http {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kGatheredAtOnce = 64 << 10;  // bytes
constexpr std::uint32_t kMostExchanges = 256;      // of a connection at once; clients open more connections
constexpr std::uint32_t kWindow = 64 << 10;        // bytes of a body that no handler has read

// RFC 9113 section 8.2.2: what belongs to a connection of HTTP/1.1 has no place here.
bool is_of_connection(std::string_view name) {
  return name == "connection" || name == "keep-alive" || name == "proxy-connection" ||
         name == "transfer-encoding" || name == "upgrade";
}

Result<RequestHead> request_head(HeaderFields fields) {
  RequestHead head{.method = {}, .target = {}};
  for (auto& [name, value] : fields) {
    if (name == ":method")
      head.method = std::move(value);
    else if (name == ":path")
      head.target = std::move(value);
    else if (name == ":authority")
      head.headers.add("Host", value);
    else if (!name.starts_with(':'))
      head.headers.add(name, value);
  }
  if (head.method.empty() || !head.target.starts_with('/'))
    return error(Code::InvalidArgument, "an HTTP/2 request without a method and a path");
  return head;
}

class LimitedBody final : public ByteSource {
 public:
  LimitedBody(Http2Exchange& exchange, const Http2ServiceOptions& options)
      : exchange_(exchange), options_(options), patience_left_(options.body_timeout) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    const Clock::time_point began = Clock::now();
    exchange_.set_deadline(began + std::min<std::chrono::nanoseconds>(patience_left_, options_.body_timeout));
    const std::size_t got = TRY(exchange_.read(into));
    patience_left_ += std::chrono::nanoseconds(got * 1'000'000'000 / options_.least_rate);
    patience_left_ -= Clock::now() - began;
    bytes_read_ += got;
    if (bytes_read_ > options_.max_body)
      return error(Code::ResourceExhausted, "the body has more than {} bytes", options_.max_body);
    return got;
  }
  std::uint64_t bytes_read() const { return bytes_read_; }
  bool is_over_limit() const { return bytes_read_ > options_.max_body; }

 private:
  Http2Exchange& exchange_;
  const Http2ServiceOptions& options_;
  std::chrono::nanoseconds patience_left_;
  std::uint64_t bytes_read_ = 0;
};

// One request and its answer.
class Exchange2 final : public ResponseChannel {
 public:
  Exchange2(std::shared_ptr<Http2Exchange> exchange, const Peer& peer, const Http2ServiceOptions& options,
            RequestHead head)
      : exchange_(std::move(exchange)),
        peer_(peer),
        options_(options),
        head_(std::move(head)),
        body_(*exchange_, options),
        response_(*this) {}

  void run(const Handler& handler) {
    const auto began = Clock::now();
    Request request(head_, peer_, body_, body_length());
    const Result<void> handled = handler(request, response_);
    if (!finish(handled)) exchange_->cancel();
    if (!options_.on_done) return;
    options_.on_done({.head = head_,
                      .peer = peer_,
                      .status = status_,
                      .bytes_read = body_.bytes_read(),
                      .bytes_written = bytes_written_,
                      .duration = Clock::now() - began,
                      .error = handled ? nullptr : &handled.error()});
  }

  Result<void> send(int status, std::string_view body) override {
    response_.headers.set("Content-Length", std::to_string(body.size()));
    const bool has_body = !body.empty() && head_.method != "HEAD";
    TRY(respond(status, !has_body));
    TRY(write(std::as_bytes(std::span(body))));
    TRY(flush());
    return exchange_->finish();
  }

  Result<void> send_file(int, int, std::uint64_t, std::uint64_t) override {
    return error(Code::Unsupported, "files are not sent by HTTP/2");
  }

  Result<void> start(int status, std::optional<std::uint64_t> length) override {
    if (length) response_.headers.set("Content-Length", std::to_string(*length));
    return respond(status, head_.method == "HEAD");
  }

  // Small pieces are gathered, each that goes out wakes the connection's thread; large ones go in parts, so
  // that a peer that does not read costs no copy of them.
  Result<void> write(std::span<const std::byte> from) override {
    if (head_.method == "HEAD") return {};
    while (!from.empty()) {
      const std::size_t taken = std::min(from.size(), kGatheredAtOnce - gathered_.size());
      gathered_.append(reinterpret_cast<const char*>(from.data()), taken);
      from = from.subspan(taken);
      if (gathered_.size() == kGatheredAtOnce) TRY(flush());
    }
    return {};
  }

  Result<void> stream(int status, std::shared_ptr<FrameSource> source) override {
    if (head_.method == "HEAD") return respond(status, true);
    TRY(check_first());
    is_streaming_ = true;
    return exchange_->respond(fields_of(status), std::move(source));
  }

  Result<Stream> hijack(int) override {
    return error(Code::Unsupported, "an HTTP/2 connection is not one request's alone: ask by HTTP/1.1");
  }
  bool has_started() const override { return status_ != 0; }
  int socket() const override { return -1; }

 private:
  std::optional<std::uint64_t> body_length() const {
    if (exchange_->is_read()) return 0;
    const auto text = head_.headers.get("Content-Length");
    std::uint64_t length = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), length).ec != std::errc{})
      return std::nullopt;
    return length;
  }

  Result<void> check_first() const {
    if (status_ != 0) return error(Code::Internal, "a second answer to one request");
    return {};
  }

  HeaderFields fields_of(int status) {
    status_ = status;
    HeaderFields fields{{":status", std::to_string(status)}};
    for (const auto& [name, value] : response_.headers) {
      std::string lower = in_lower_case(name);
      if (!is_of_connection(lower)) fields.emplace_back(std::move(lower), value);
    }
    fields.emplace_back("date", date_now());
    return fields;
  }

  Result<void> respond(int status, bool is_all) {
    TRY(check_first());
    return exchange_->respond(fields_of(status), is_all);
  }

  Result<void> write_out(std::string_view bytes) {
    exchange_->set_deadline(Clock::now() + options_.body_timeout);
    bytes_written_ += bytes.size();
    return exchange_->write(bytes);
  }

  Result<void> flush() {
    if (gathered_.empty()) return {};
    TRY(write_out(gathered_));
    gathered_.clear();
    return {};
  }

  Result<void> finish(const Result<void>& handled) {
    if (is_streaming_) return {};
    if (status_ != 0) {
      if (!handled) return error(Code::DataLoss, "the handler failed half way");
      TRY(flush());
      return exchange_->finish();
    }
    if (handled) return send(500, "the handler gave no answer\n");
    response_.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
    return send(body_.is_over_limit() ? 413 : status_of(handled.error().code()),
                handled.error().message() + "\n");
  }

  const std::shared_ptr<Http2Exchange> exchange_;
  const Peer& peer_;
  const Http2ServiceOptions& options_;
  const RequestHead head_;
  LimitedBody body_;
  ResponseWriter response_;
  std::string gathered_;
  std::uint64_t bytes_written_ = 0;
  int status_ = 0;
  bool is_streaming_ = false;
};

}  // namespace

class Http2Service::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Handler handler, Http2ServiceOptions options)
      : handler_(std::move(handler)),
        options_(std::move(options)),
        pool_(std::make_unique<ThreadPool>(ThreadPool::Options{
            .name = "http2", .max_threads = options_.max_handlers, .max_waiting = options_.max_waiting})) {}

  void take(Stream stream, Peer peer) {
    stream.keep_alive();
    const auto answer_one = [this, peer = std::move(peer)](std::shared_ptr<Http2Exchange> exchange) {
      answer(std::move(exchange), peer);
    };
    std::uint64_t id = 0;
    Http2Connection* connection = nullptr;
    {
      const MutexLock lock(mutex_);
      if (is_stopping_ || connections_.size() >= options_.max_connections) return;
      auto served = Http2Connection::serve(std::move(stream), answer_one,
                                           {.max_exchanges = kMostExchanges,
                                            .window = kWindow,
                                            .idle_timeout = options_.idle_timeout,
                                            .send_timeout = options_.body_timeout,
                                            .pool = pool_.get()});
      if (!served) return;  // no thread or descriptor is left: the client sees the end and tries again
      id = next_++;
      connection = served->get();
      connections_.emplace(id, std::move(*served));
    }
    // Only this removes it, or stop(), after which nobody is here any more.
    connection->on_over([weak = weak_from_this(), id] {
      if (const auto self = weak.lock()) self->remove(id);
    });
  }

  void stop() {
    std::map<std::uint64_t, std::unique_ptr<Http2Connection>> ended;
    {
      const MutexLock lock(mutex_);
      is_stopping_ = true;
      ended.swap(connections_);
    }
    ended.clear();
    pool_.reset();  // waits for the handlers
  }

 private:
  void answer(std::shared_ptr<Http2Exchange> exchange, const Peer& peer) {
    auto fields = exchange->head();
    if (!fields) return;
    auto head = request_head(std::move(*fields));
    if (!head) return exchange->cancel();
    Exchange2(std::move(exchange), peer, options_, std::move(*head)).run(handler_);
  }

  // On the connection's own thread.
  void remove(std::uint64_t id) {
    std::unique_ptr<Http2Connection> ended;
    const MutexLock lock(mutex_);
    if (const auto found = connections_.find(id); found != connections_.end()) {
      ended = std::move(found->second);
      connections_.erase(found);
    }
  }

  const Handler handler_;
  const Http2ServiceOptions options_;
  std::unique_ptr<ThreadPool> pool_;
  Mutex mutex_;  // guards what follows
  std::map<std::uint64_t, std::unique_ptr<Http2Connection>> connections_ GUARDED_BY(mutex_);
  std::uint64_t next_ GUARDED_BY(mutex_) = 0;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
};

Http2Service::Http2Service(Handler handler, Http2ServiceOptions options)
    : impl_(std::make_shared<Impl>(std::move(handler), std::move(options))) {}
Http2Service::~Http2Service() { impl_->stop(); }
void Http2Service::take(Stream stream, Peer peer) { impl_->take(std::move(stream), std::move(peer)); }

}  // namespace gantry::http
