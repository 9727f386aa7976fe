// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/2 connection (RFC 9113), either side of it, over a stream that speaks it already: by TLS's ALPN,
// by an upgrade, or because both know. Many exchanges, a request and its answer each, share it.
//
//   auto peer = TRY(Http2Connection::connect(std::move(stream)));
//   auto exchange = TRY(peer->request({{":method", "POST"}, {":scheme", "http"}, {":path", "/x"}}));
//   TRY(exchange->write(body));
//   TRY(exchange->finish());
//   const HeaderFields head = TRY(exchange->head());
//   while (std::size_t n = TRY(exchange->read(buffer))) ...
//
//   auto server = TRY(Http2Connection::serve(std::move(stream), [](std::shared_ptr<Http2Exchange> exchange) {
//     TRY(exchange->respond({{":status", "200"}})); ...                 // on a thread of its own
//   }));
//   server->wait();
//
// One thread a connection reads, writes and keeps nghttp2's state; all calls are for any thread and may
// block. What a peer sends is acknowledged as it is read, so a slow reader holds its own exchange back and no
// other. Errors: Unavailable, the connection is over; Conflict, the peer gave this exchange up; DataLoss, it
// does not speak HTTP/2.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "http/frame_source.h"
#include "http/stream.h"

namespace gantry::http {

// Names in lower case, those that begin with a colon first.
using HeaderFields = std::vector<std::pair<std::string, std::string>>;
// The first value of that name; empty: there is none.
std::string_view value_of(const HeaderFields& fields, std::string_view name);

struct Http2Options {
  std::uint32_t max_exchanges = 128;  // that the peer may have open at once
  std::uint32_t window = 1 << 20;     // bytes of one exchange that wait to be read
  std::uint32_t max_head = 64 << 10;  // bytes of a head, as it is decoded
  // The connection ends when for so long there was no exchange whose head is complete, and when the peer
  // takes nothing of what waits to be sent. 0: never.
  std::chrono::milliseconds idle_timeout{0};
  std::chrono::milliseconds send_timeout{0};
  // Where a server's handlers run, shared with other connections; null: threads of its own. It outlives the
  // handlers.
  ThreadPool* pool = nullptr;
};

class Http2Connection;

// One request and its answer. Of the side that serves, head() is the request's; of the side that asks, the
// answer's. When the last owner lets go before both directions have ended, the exchange is reset.
class Http2Exchange final : public ByteSource, public ByteSink {
 public:
  ~Http2Exchange() override;
  Http2Exchange(const Http2Exchange&) = delete;
  Http2Exchange& operator=(const Http2Exchange&) = delete;

  // From then on head(), read() and write() do not wait any more: TimedOut. Without it they wait for ever.
  void set_deadline(Stream::Time deadline);

  // Waits for the peer's head.
  Result<HeaderFields> head();
  // At least one byte of the peer's body; 0 at its end.
  Result<std::size_t> read(std::span<std::byte> into) override;
  // The peer's body is over, and all of it was read: at the beginning, that there is none.
  bool is_read() const;
  // What came behind the body; empty before its end, and when there was nothing.
  HeaderFields trailers() const;

  // Of the side that serves: the answer's head, once. `is_all`: no body follows.
  Result<void> respond(const HeaderFields& head, bool is_all = false);
  // The same with a body that is the source's alone.
  Result<void> respond(const HeaderFields& head, std::shared_ptr<FrameSource> source);
  // Blocks while the peer does not take what was written before.
  Result<void> write(std::span<const std::byte> from) override;
  Result<void> write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  // Ends this side's body.
  Result<void> finish(const HeaderFields& trailers = {});
  // Gives the whole exchange up; the peer is told that it was cancelled.
  void cancel();
  // The peer gave up, or the connection is over: a server stops working for nobody.
  bool is_over() const;
  // Runs once when that happens, on the connection's thread, which it must not hold up; at once if it did.
  void on_over(std::function<void()> callback);

 private:
  friend class Http2Connection;
  struct State;
  explicit Http2Exchange(std::shared_ptr<State> state);
  const std::shared_ptr<State> state_;  // with the connection, for as long as nghttp2 knows the exchange
};

class Http2Connection {
 public:
  // Runs on a thread of its own for every request; nobody waits for it but the destructor.
  using Handler = std::function<void(std::shared_ptr<Http2Exchange>)>;

  static Result<std::unique_ptr<Http2Connection>> serve(Stream stream, Handler handler,
                                                        const Http2Options& options = {});
  static Result<std::unique_ptr<Http2Connection>> connect(Stream stream, const Http2Options& options = {});
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;
  // Cuts the connection, and waits for the handlers, whose exchanges are over then. Not on a handler's
  // thread; within on_over() it is fine.
  ~Http2Connection();

  // A connection that connects: begins an exchange. `is_all`: the request has no body.
  Result<std::shared_ptr<Http2Exchange>> request(const HeaderFields& head, bool is_all = false);

  // Until the connection is over, by the peer, by close(), or because it broke.
  void wait();
  bool is_over() const;
  // Tells the peer that this is the end; exchanges that run may finish. From any thread.
  void close();
  // Ends it at once, without waiting.
  void cut();
  // Runs once when the connection is over, on its thread; at once if it is.
  void on_over(std::function<void()> callback);

 private:
  struct Impl;
  friend class Http2Exchange;
  explicit Http2Connection(std::shared_ptr<Impl> impl);
  const std::shared_ptr<Impl> impl_;  // with the exchanges that outlive this
};

}  // namespace gantry::http
