// SPDX-License-Identifier: Apache-2.0
#include "http/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <utility>

#include "http/date_now.h"

namespace gantry::http {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kFirstRead = 4 << 10;     // bytes: most heads fit
constexpr std::size_t kMostDrained = 64 << 20;  // bytes that are read to be thrown away
constexpr milliseconds kDrainTime{2000};
// How long a thread waits for the next request before it gives a connection back to the loop. A client that
// sends request after request saves two changes of threads each.
constexpr milliseconds kPatience{2};

std::uint32_t events_of(Stream::Wants wants) { return wants == Stream::Wants::Writing ? EPOLLOUT : EPOLLIN; }

int status_of_bad_head(const Error& failure) {
  switch (failure.code()) {
    case Code::Unsupported: return 501;
    case Code::ResourceExhausted: return 431;
    default: return 400;
  }
}

}  // namespace

Connection::Connection(ServerParts& server, Stream stream, Peer peer)
    : server_(server),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      watch_(server.loop, Callback::to<&Connection::on_ready>(*this)),
      timer_(server.loop, Callback::to<&Connection::on_timer>(*this)) {}

// ---- On the loop's thread

void Connection::open(std::list<std::unique_ptr<Connection>>::iterator self, const TlsContext* tls) {
  self_ = self;
  stream_.set_timeout(server_.options.body_timeout);
  if (tls != nullptr && !stream_.accept_tls(*tls)) return close();
  wait_in(tls != nullptr ? State::Handshaking : State::Waiting, Stream::Wants::Reading,
          server_.options.head_timeout);
}

void Connection::wait_in(State state, Stream::Wants wants, milliseconds timeout) {
  state_ = state;
  timer_.start(timeout);
  wait_for(wants);
}

void Connection::wait_for(Stream::Wants wants) {
  if (watch_.is_started())
    watch_.wait_for(events_of(wants));
  else if (!watch_.start(stream_.fd(), events_of(wants)))
    close();
}

void Connection::on_ready() {
  switch (state_) {
    case State::Handshaking: return shake_hands();
    case State::Waiting:
    case State::ReadingHead: return advance();
    case State::Draining: return drain();
    case State::Serving: return;  // the watch is stopped
  }
}

void Connection::on_timer() {
  if (state_ == State::ReadingHead)
    refuse(408, error(Code::TimedOut, "the request did not come in time"));
  else
    close();
}

void Connection::shake_hands() {
  const auto wants = stream_.try_handshake();
  if (!wants) return close();  // a scanner, or a client that does not trust us: it has been told by an alert
  if (*wants != Stream::Wants::Nothing) return wait_for(*wants);
  peer_.certificate = stream_.peer_certificate();
  if (stream_.chosen_protocol() == "h2") {
    if (server_.options.on_http2) {
      watch_.stop();
      server_.options.on_http2(hand_over(), std::move(peer_));
    }
    return close();
  }
  state_ = State::Waiting;
  advance();
}

// Reads what has come, and hands a complete head to the pool.
void Connection::advance() {
  auto head = read_head();
  if (!head) {
    // Broken connections have an errno, broken heads have none.
    if (head.error().errno_value() != 0 || head.error().code() == Code::DataLoss) return close();
    return refuse(status_of_bad_head(head.error()), head.error());
  }
  switch (*head) {
    case Head::Complete: return dispatch();
    case Head::EndOfStream: return close();
    case Head::Incomplete: break;
  }
  if (state_ == State::Waiting && !buffer_.empty())
    return wait_in(State::ReadingHead, Stream::Wants::Reading, server_.options.head_timeout);
  wait_for(Stream::Wants::Reading);
}

void Connection::dispatch() {
  watch_.stop();
  timer_.stop();
  state_ = State::Serving;
  if (auto taken = server_.pool.run([this] { serve(); }); !taken) refuse(503, taken.error());
}

// Without a thread of the pool, so it never waits: a peer that does not even take this gets nothing.
void Connection::refuse(int status, const Error& reason) {
  const std::string text = reason.message() + "\n";
  ResponseHead head{.status = status};
  head.headers.add("Date", date_now());
  head.headers.add("Content-Type", "text/plain; charset=utf-8");
  head.headers.add("Content-Length", std::to_string(text.size()));
  head.headers.add("Connection", "close");
  if (const auto bytes = serialize(head)) (void)stream_.try_write(bytes_of(*bytes + text));
  begin_draining();
}

// A socket closed with unread bytes in it sends a reset, which can overtake the answer. So the answer is
// ended, and what still comes is read, for a while.
void Connection::begin_draining() {
  if (!stream_.shut_down_writing()) return close();
  drained_ = buffer_.size();
  buffer_.consume(buffer_.size());
  wait_in(State::Draining, Stream::Wants::Reading, kDrainTime);
}

void Connection::drain() {
  std::byte thrown_away[16 << 10];
  // Below TLS: what is in it does not matter any more.
  const ssize_t got = ::recv(stream_.fd(), thrown_away, sizeof thrown_away, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  drained_ += got > 0 ? static_cast<std::size_t>(got) : 0;
  if (got <= 0 || drained_ > kMostDrained) close();
}

void Connection::on_served(Exchange::Next next) {
  if (next == Exchange::Next::Drain) return begin_draining();
  if (next != Exchange::Next::Request || server_.is_stopping) return close();
  if (!buffer_.empty() || stream_.has_buffered()) {
    // Bytes that poll(2) does not see: another request, or the beginning of one.
    state_ = State::Waiting;
    timer_.start(server_.options.idle_timeout);
    return advance();
  }
  buffer_.free_if_empty();
  wait_in(State::Waiting, Stream::Wants::Reading, server_.options.idle_timeout);
}

void Connection::close_if_waiting() {
  if (state_ != State::Serving) close();
}

void Connection::cut() {
  MutexLock lock(cut_mutex_);
  if (!is_handed_over_) (void)::shutdown(stream_.fd(), SHUT_RDWR);  // it may be broken already
}

void Connection::close() {
  ServerParts& server = server_;
  server.connections.erase(self_);  // and with it this object
  --server.connection_count;
  server.on_gone();
}

// ---- On either thread

// Whether the buffer holds a whole head, of head_size_ bytes.
Result<bool> Connection::find_head() {
  // RFC 9112 section 2.2: an empty line before the request is passed over.
  if (buffer_.view().starts_with("\r\n")) {
    buffer_.consume(2);
    finder_.start_over();
  }
  if (buffer_.view() == "\r") return false;
  const auto size = TRY(finder_.find(buffer_.view()));
  if (size.value_or(buffer_.size()) > server_.options.max_head)
    return error(Code::ResourceExhausted, "the request's head is longer than {} bytes",
                 server_.options.max_head);
  head_size_ = size.value_or(0);
  return size.has_value();
}

Result<Connection::Head> Connection::read_head() {
  for (;;) {
    if (!buffer_.empty() && TRY(find_head())) return Head::Complete;
    std::span<std::byte> room = buffer_.prepare(kFirstRead);
    const Stream::Attempt attempt = TRY(stream_.try_read(room));
    if (attempt.wants != Stream::Wants::Nothing) {
      buffer_.free_if_empty();
      return Head::Incomplete;
    }
    if (attempt.bytes == 0) return Head::EndOfStream;
    buffer_.commit(attempt.bytes);
  }
}

// ---- On the thread that serves it

void Connection::serve() {
  Exchange::Next next;
  do {
    next = serve_one();
  } while (next == Exchange::Next::Request && next_head_comes_at_once());
  // After a hand-over too: the object still has to go.
  server_.inbox.post([this, next] { on_served(next); });
}

Exchange::Next Connection::serve_one() {
  finder_.start_over();
  stream_.set_least_rate(server_.options.body_timeout, server_.options.least_rate);
  auto parsed = parse_request(buffer_.view().substr(0, head_size_));
  buffer_.consume(head_size_);
  if (!parsed) {
    const int status = status_of_bad_head(parsed.error());
    ParsedRequest unknown{.head = {.method = "-", .target = "-"}};
    return Exchange(*this, server_.options, std::move(unknown)).refuse(status, parsed.error());
  }
  const Framing framing = parsed->framing;
  Exchange exchange(*this, server_.options, *std::move(parsed));
  if (framing.kind == Framing::Kind::Length && framing.length > server_.options.max_body)
    return exchange.refuse(413, error(Code::ResourceExhausted, "a body of {} bytes; {} are allowed",
                                      framing.length, server_.options.max_body));
  return exchange.run(server_.handler, !server_.is_stopping);
}

// The loop sees to everything else: errors, ends, and heads that take their time.
bool Connection::next_head_comes_at_once() {
  // Others wait for this thread: they come first.
  if (server_.pool.has_waiting() || server_.is_stopping) return false;
  if (!buffer_.empty()) {
    const auto found = find_head();
    return found && *found;
  }
  if (!stream_.has_buffered()) {
    pollfd waited{.fd = stream_.fd(), .events = POLLIN};
    if (::poll(&waited, 1, static_cast<int>(kPatience.count())) != 1) return false;
  }
  std::span<std::byte> room = buffer_.prepare(kFirstRead);
  const auto attempt = stream_.try_read(room);
  if (!attempt || attempt->bytes == 0) return false;  // the loop will find the same
  buffer_.commit(attempt->bytes);
  const auto found = find_head();
  return found && *found;
}

Result<void> Connection::stream_from(std::shared_ptr<FrameSource> source, bool is_chunked) {
  return server_.frames.add(hand_over(), std::move(source), is_chunked);
}

Stream Connection::hand_over() {
  MutexLock lock(cut_mutex_);
  is_handed_over_ = true;
  stream_.unread(buffer_.view());
  buffer_.consume(buffer_.size());
  stream_.set_timeout(std::nullopt);
  stream_.set_least_rate({}, 0);
  return std::move(stream_);
}

}  // namespace gantry::http
