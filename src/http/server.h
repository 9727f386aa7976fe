// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/1.1 server. One thread waits for all connections and reads heads; a
// whole head goes to a handler, a plain function on a bounded pool that may
// block: it reads the body and writes the answer. What a connection needs is
// freed while it waits for its next request.
//
//   auto server = TRY(Server::start(std::move(listeners), handler, options));
//   ...
//   server->stop(5s);
//
//   Result<void> handler(Request& request, ResponseWriter& response) {
//     if (request.method() != "GET") return response.send(405, "only GET\n");
//     response.headers.set("Content-Type", "text/plain");
//     return response.send(200, "hello\n");
//   }
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "http/frame_source.h"
#include "http/listener.h"
#include "http/message.h"
#include "http/stream.h"
#include "http/tls.h"

namespace gantry::http {

struct UnixCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

// Who is at the other end.
struct Peer {
  std::string address;                         // "192.0.2.1:4711", "[2001:db8::1]:4711" or "unix"
  std::optional<UnixCredentials> credentials;  // over a unix socket, of who connected
  bool is_tls = false;
  std::shared_ptr<const PeerCertificate> certificate;  // null: it showed none
};

class Request {
 public:
  const RequestHead& head() const { return head_; }
  const std::string& method() const { return head_.method; }
  std::string_view path() const { return head_.path(); }    // percent-encoded
  std::string_view query() const { return head_.query(); }  // for Query::parse
  const HeaderMap& headers() const { return head_.headers; }
  const Peer& peer() const { return peer_; }

  // The body as it arrives. The first read of a request that expects it sends 100 Continue. Reading fails
  // with DataLoss when the peer breaks off or sends nonsense, ResourceExhausted when it
  // sends more than max_body. What is not read is dropped, or ends the connection.
  ByteSource& body() { return body_; }
  // Nullopt: not known before its end. 0 also when there is none.
  std::optional<std::uint64_t> body_length() const { return body_length_; }
  // All of it; ResourceExhausted when it is more than `limit` bytes.
  Result<std::string> read_body(std::size_t limit = 4 << 20);

  // Of servers: all of it is borrowed.
  Request(const RequestHead& head, const Peer& peer, ByteSource& body, std::optional<std::uint64_t> length)
      : head_(head), peer_(peer), body_(body), body_length_(length) {}

 private:
  const RequestHead& head_;
  const Peer& peer_;
  ByteSource& body_;
  std::optional<std::uint64_t> body_length_;
};

// How an answer travels: HTTP/1.1 (exchange.h) or HTTP/2 (http2/service.h). Of servers alone; handlers see
// the ResponseWriter, whose words these are.
class ResponseChannel {
 public:
  virtual Result<void> send(int status, std::string_view body) = 0;
  virtual Result<void> send_file(int status, int file, std::uint64_t offset, std::uint64_t length) = 0;
  virtual Result<void> start(int status, std::optional<std::uint64_t> length) = 0;
  virtual Result<void> write(std::span<const std::byte> from) = 0;
  virtual Result<void> stream(int status, std::shared_ptr<FrameSource> source) = 0;
  virtual Result<Stream> hijack(int status) = 0;
  virtual bool has_started() const = 0;
  virtual int socket() const = 0;

 protected:
  ~ResponseChannel() = default;
};

// The answer: either send, send_file, stream or hijack, or start and then write. Failing means that the peer
// is gone or a header cannot be written; the handler returns the error. HEAD and statuses without a body are
// taken care of: what is written is dropped, Content-Length stays. Server and Date are the server's;
// Connection, Transfer- Encoding and Content-Length are set here, except that Content-Length is kept in an
// answer to HEAD.
class ResponseWriter final : public ByteSink {
 public:
  HeaderMap headers;  // set before the head is written

  Result<void> send(int status, std::string_view body = {}) { return channel_.send(status, body); }
  // `file` is borrowed and its position is left alone.
  Result<void> send_file(int status, int file, std::uint64_t offset, std::uint64_t length) {
    return channel_.send_file(status, file, offset, length);
  }

  // Begins a body of that length, or one that ends when the handler returns (in chunks). Each write goes out
  // at once. When the handler fails half way the connection is cut, so that nobody takes a part for the
  // whole.
  Result<void> start(int status, std::optional<std::uint64_t> length = std::nullopt) {
    return channel_.start(status, length);
  }
  Result<void> write(std::span<const std::byte> from) override { return channel_.write(from); }
  Result<void> write(std::string_view text) { return write(std::as_bytes(std::span(text))); }

  // Writes this head and then what the source has and will have; the handler returns at once.
  Result<void> stream(int status, std::shared_ptr<FrameSource> source) {
    return channel_.stream(status, std::move(source));
  }

  // Writes this head and hands the connection over, with all that the peer has sent behind its request: for
  // Upgrade (101) and for attach streams. The server forgets the connection, also when it stops. Unsupported
  // where the connection is not this request's alone (HTTP/2).
  Result<Stream> hijack(int status) { return channel_.hijack(status); }

  bool has_started() const { return channel_.has_started(); }

  explicit ResponseWriter(ResponseChannel& channel) : channel_(channel) {}

 private:
  friend int socket_of(const ResponseWriter& response);
  ResponseChannel& channel_;
};

// Runs on a thread of the pool, many at once. An error before the head is written becomes status_of(its code)
// with its sentence as text.
using Handler = std::function<Result<void>(Request&, ResponseWriter&)>;

// What happened to a request, for access logs and metrics.
struct RequestSummary {
  const RequestHead& head;
  const Peer& peer;
  int status = 0;                // 0: the connection broke before an answer
  std::uint64_t bytes_read = 0;  // of the bodies
  std::uint64_t bytes_written = 0;
  std::chrono::nanoseconds duration{};
  const Error* error = nullptr;  // what the handler returned
};

struct ServerOptions {
  std::size_t max_head = 32 << 10;  // bytes of a request line and its fields
  std::uint64_t max_body = std::numeric_limits<std::uint64_t>::max();  // bytes, after removing chunk framing
  std::size_t max_connections = 4096;                                  // more wait in the kernel's queue
  std::size_t max_handlers = 32;                                       // threads
  std::size_t max_waiting = 1024;  // requests that wait for a thread; more are answered with 503
  // From a connection's or head's first byte to the head's end, a TLS handshake included.
  std::chrono::milliseconds head_timeout = std::chrono::seconds(15);
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);  // between requests
  // How long a peer may neither send a byte that a handler waits for, nor take one.
  std::chrono::milliseconds body_timeout = std::chrono::seconds(60);
  // Bytes a second, while a handler waits for the peer; it has body_timeout as a lead. Without this a few
  // peers that drip could hold all threads. 0: as slowly as they like.
  std::uint64_t least_rate = 512;
  // Takes connections whose client has chosen HTTP/2 (ALPN, where the listener's TlsContext offers it): on
  // the loop's thread, so it only hands them on. Empty: they are closed.
  std::function<void(Stream, Peer)> on_http2;
  // Called on a thread of the pool when there was no request for some seconds; may be empty.
  std::function<void()> on_rest;
  // Called on the handler's thread when a request is done, or was refused after its head had been read; may
  // be empty.
  std::function<void(const RequestSummary&)> on_done;
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> start(std::vector<Listener> listeners, Handler handler,
                                               ServerOptions options = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // stop(0)

  // Takes no more connections, ends those that wait, and lets running requests finish; those that take longer
  // than `grace` lose their connection. Returns when every handler has returned, so it is not for handlers.
  void stop(std::chrono::milliseconds grace);

  // Listeners with TLS greet with this from now on; connections that are there keep what they have. Any
  // thread.
  void renew_tls(std::shared_ptr<const TlsContext> tls);

  const std::vector<Listener>& listeners() const;
  std::size_t connections() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Answers GET and HEAD with a file's content: Range with If-Range, Accept-Ranges, ETag and If-None-Match. The
// other headers are the caller's. `etag` is quoted; empty: none.
Result<void> send_ranged_file(const Request& request, ResponseWriter& response, int file, std::uint64_t size,
                              const std::string& etag);

}  // namespace gantry::http
