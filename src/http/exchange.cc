// SPDX-License-Identifier: Apache-2.0
#include "http/exchange.h"

#include <utility>

#include "http/connection.h"
#include "http/date_now.h"
#include "http/response_socket.h"

namespace gantry::http {
namespace {

// What a handler did not read of a body is read for it when it is no more than this: cheaper than a new
// connection.
constexpr std::uint64_t kMostSkipped = 256 << 10;  // bytes
// How long a thread waits for that: a peer that sends nothing, refused before anybody knew who it is, must
// not hold one.
constexpr std::chrono::milliseconds kSkipTime{100};

bool never_has_body(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

// ---- What handlers see

Result<std::string> Request::read_body(std::size_t limit) {
  return read_all(body_, "the request's body", limit);
}

int socket_of(const ResponseWriter& response) { return response.channel_.socket(); }

// ---- What is behind it

Exchange::Exchange(Connection& connection, const ServerOptions& options, ParsedRequest request)
    : connection_(connection),
      options_(options),
      parsed_(std::move(request)),
      body_(connection.stream(), connection.buffer(), parsed_.framing),
      response_(*this) {
  body_.set_limit(options.max_body);
  if (parsed_.expects_continue)
    body_.set_before_first_read([this]() -> Result<void> {
      // After the final answer has begun it would be taken for a part of that.
      if (status_ != 0) return {};
      return connection_.stream().write(bytes_of("HTTP/1.1 100 Continue\r\n\r\n"));
    });
}

Exchange::Next Exchange::run(const Handler& handler, bool may_keep) {
  const auto began = std::chrono::steady_clock::now();
  keeps_alive_ = parsed_.keeps_alive && may_keep;
  Request request(parsed_.head, connection_.peer(), body_, body_.length());
  const Result<void> handled = handler(request, response_);
  const Next next = finish(handled);
  tell(began, handled ? nullptr : &handled.error());
  return next;
}

void Exchange::tell(std::chrono::steady_clock::time_point began, const Error* failure) const {
  if (!options_.on_done) return;
  options_.on_done({.head = parsed_.head,
                    .peer = connection_.peer(),
                    .status = status_,
                    .bytes_read = body_.bytes_read(),
                    .bytes_written = writer_ ? writer_->bytes_written() : 0,
                    .duration = std::chrono::steady_clock::now() - began,
                    .error = failure});
}

int Exchange::socket() const { return connection_.stream().fd(); }

Exchange::Next Exchange::refuse(int status, const Error& reason) {
  const auto began = std::chrono::steady_clock::now();
  keeps_alive_ = false;
  response_.headers.set("Content-Type", "text/plain; charset=utf-8");
  (void)send(status, reason.message() + "\n");  // the connection ends in any case
  tell(began, &reason);
  return Next::Drain;
}

Exchange::Next Exchange::finish(const Result<void>& handled) {
  if (is_handed_over_) return Next::HandedOver;
  Result<void> answered;
  if (status_ != 0)
    answered = handled ? writer_->finish() : error(Code::DataLoss, "the handler failed half way");
  else
    answered = handled ? send(500, "the handler gave no answer\n") : send_error(handled.error());
  if (!answered) {
    // Only a broken connection tells the peer that what it got is not the whole.
    connection_.stream().abort();
    return Next::Close;
  }
  if (drain_body() && keeps_alive_) return Next::Request;
  return body_.is_finished() && connection_.buffer().empty() ? Next::Close : Next::Drain;
}

Result<void> Exchange::send_error(const Error& failure) {
  int status = status_of(failure.code());
  if (body_.is_over_limit())
    status = 413;
  else if (body_.has_failed())
    status = failure.code() == Code::TimedOut ? 408 : 400;
  response_.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  return send(status, failure.message() + "\n");
}

// Whether the connection stands at the next request.
bool Exchange::drain_body() {
  if (body_.is_unasked() || body_.has_failed()) return false;
  const std::uint64_t end = body_.bytes_read() + kMostSkipped;
  std::byte skipped[4 << 10];
  connection_.stream().set_deadline(std::chrono::steady_clock::now() + kSkipTime);
  while (!body_.is_finished() && body_.bytes_read() < end)
    if (!body_.read(skipped)) return false;
  connection_.stream().set_deadline(std::nullopt);
  return body_.is_finished();
}

// Makes the head and the writer for what follows it.
Result<void> Exchange::begin(int status, Framing framing) {
  if (status_ != 0) return error(Code::Internal, "a second answer to one request");
  ResponseHead head{.status = status, .headers = std::move(response_.headers)};
  HeaderMap& headers = head.headers;
  const bool is_head = parsed_.head.method == "HEAD";
  // A body of unknown size that a client of HTTP/1.0 gets ends with the connection.
  if (framing.kind == Framing::Kind::Chunked && parsed_.head.is_http_1_0) {
    framing.kind = Framing::Kind::UntilClose;
    keeps_alive_ = keeps_alive_ && is_head;
  }
  // The peer would send a body behind this that nobody reads, or has sent too much of one.
  if (body_.is_unasked() || body_.has_failed() ||
      (!body_.is_finished() && body_.length().value_or(UINT64_MAX) - body_.bytes_read() > kMostSkipped))
    keeps_alive_ = false;

  headers.remove("Transfer-Encoding");
  const bool is_length_kept = (is_head || status == 304) && headers.has("Content-Length");
  if (!is_length_kept) headers.remove("Content-Length");
  if (!never_has_body(status)) {
    if (framing.kind == Framing::Kind::Length && !is_length_kept)
      headers.add("Content-Length", std::to_string(framing.length));
    else if (framing.kind == Framing::Kind::Chunked && !is_length_kept)
      headers.add("Transfer-Encoding", "chunked");
  }
  if (status != 101) {
    headers.remove("Connection");
    if (!keeps_alive_)
      headers.add("Connection", "close");
    else if (parsed_.head.is_http_1_0)
      headers.add("Connection", "keep-alive");
  }
  headers.set("Date", date_now());
  if (is_head || never_has_body(status)) framing = {};
  writer_.emplace(connection_.stream(), TRY(serialize(head)), framing);
  status_ = status;
  return {};
}

Result<void> Exchange::send(int status, std::string_view body) {
  TRY(begin(status, {.kind = Framing::Kind::Length, .length = body.size()}));
  TRY(writer_->write(bytes_of(body)));
  return writer_->flush_head();
}

Result<void> Exchange::send_file(int status, int file, std::uint64_t offset, std::uint64_t length) {
  TRY(begin(status, {.kind = Framing::Kind::Length, .length = length}));
  return writer_->write_file(file, offset, length);
}

Result<void> Exchange::start(int status, std::optional<std::uint64_t> length) {
  const Framing framing = length ? Framing{.kind = Framing::Kind::Length, .length = *length}
                                 : Framing{.kind = Framing::Kind::Chunked};
  TRY(begin(status, framing));
  // Where the length is known the body is at hand, and the head goes with it. Others may take their time.
  if (!length) TRY(writer_->flush_head());
  return {};
}

Result<void> Exchange::write(std::span<const std::byte> from) {
  if (!writer_) return error(Code::Internal, "a body without a head");
  return writer_->write(from);
}

// The connection ends with this answer: which request was the last is clear to both sides.
Result<void> Exchange::stream(int status, std::shared_ptr<FrameSource> source) {
  keeps_alive_ = false;
  const bool is_chunked = !parsed_.head.is_http_1_0;
  TRY(begin(status, {.kind = Framing::Kind::Chunked}));
  TRY(writer_->flush_head());
  if (parsed_.head.method == "HEAD") return {};
  is_handed_over_ = true;
  return connection_.stream_from(std::move(source), is_chunked);
}

Result<Stream> Exchange::hijack(int status) {
  if (status_ != 0) return error(Code::Internal, "a second answer to one request");
  ResponseHead head{.status = status, .headers = std::move(response_.headers)};
  TRY(connection_.stream().write(bytes_of(TRY(serialize(head)))));
  status_ = status;
  is_handed_over_ = true;
  return connection_.hand_over();
}

}  // namespace gantry::http
