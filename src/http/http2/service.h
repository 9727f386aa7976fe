// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 for the handlers of an http::Server: its connections whose client chose HTTP/2 come here, and each
// of their requests goes to the same plain function. One thread a connection, one pool for all handlers.
//
//   auto http2 = std::make_unique<Http2Service>(handler, Http2ServiceOptions{});
//   options.on_http2 = [&](Stream stream, Peer peer) { http2->take(std::move(stream), std::move(peer)); };
//   auto server = TRY(Server::start(std::move(listeners), handler, options));
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>

#include "http/server.h"

namespace gantry::http {

struct Http2ServiceOptions {
  std::size_t max_connections = 2048;  // more are closed
  std::size_t max_handlers = 32;       // threads
  std::size_t max_waiting = 4096;      // requests that wait for a thread; more are refused to their client
  std::uint64_t max_body = std::numeric_limits<std::uint64_t>::max();  // bytes
  // How long a handler waits for a byte of the peer, or for it to take one; in all, a second more for every
  // `least_rate` bytes of a body.
  std::chrono::milliseconds body_timeout = std::chrono::seconds(60);
  std::uint64_t least_rate = 512;
  std::chrono::milliseconds idle_timeout = std::chrono::seconds(75);  // of a connection without a request
  std::function<void(const RequestSummary&)> on_done;                 // as ServerOptions'
};

class Http2Service {
 public:
  Http2Service(Handler handler, Http2ServiceOptions options);
  Http2Service(const Http2Service&) = delete;
  Http2Service& operator=(const Http2Service&) = delete;
  // Cuts what is left and waits for the handlers. Nobody calls take() any more.
  ~Http2Service();

  // For any thread, and quick. The stream has nothing but HTTP/2 on it, from its first byte.
  void take(Stream stream, Peer peer);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::http
