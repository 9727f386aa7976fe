// SPDX-License-Identifier: Apache-2.0
//
// The way to a log service, on an event loop that it never holds up: names are looked up and connections made
// by a pool, unix sockets at once.
//
//   LogConnection connection(loop, dialers, address, [this] { pump(); });
//   Result<void> sent = connection.send(bytes);    // Unavailable: not now
//
// On the loop's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/thread_pool.h"
#include "engine/log_address.h"
#include "http/stream.h"

namespace gantry::engine {

// Blocks for a few seconds at most. Any thread.
Result<http::Stream> dial(const LogAddress& address);

// For a container that is started: as Docker has it, one with fluentd does not run unless fluentd is there,
// or fluentd-async is set.
Result<void> check_log_service(const LogSettings& settings);

class LogConnection {
 public:
  // `on_room` is called when send() may be tried again after EAGAIN; it must not destroy the connection.
  LogConnection(EventLoop& loop, ThreadPool& dialers, LogAddress address, std::function<void()> on_room);
  LogConnection(const LogConnection&) = delete;
  LogConnection& operator=(const LogConnection&) = delete;
  ~LogConnection();

  // One record, whole, over a connection that is made if there is none. Unavailable with EAGAIN: it is being
  // made, or the service takes no more now, or has not said its `receipt` yet (empty: it says nothing); the
  // same record is to be sent again after on_room, and now and then. Unavailable otherwise: nobody is there;
  // the record is to be sent again, from its beginning.
  Result<void> send(std::string_view record, std::string_view receipt = {});

 private:
  class Dialled;
  Result<void> connect();
  void take(Result<http::Stream> stream);
  Result<void> check_open();
  Result<void> write(std::string_view record);
  Result<void> await(std::string_view receipt);
  Error broken(const Error& why);
  Error not_now();
  void on_ready();

  EventLoop& loop_;
  ThreadPool& dialers_;
  const LogAddress address_;
  const std::function<void()> on_room_;
  std::shared_ptr<Dialled> dialled_;  // shared with the pool's thread while it dials
  bool is_dialing_ = false;
  std::optional<Error> failure_;  // of the last attempt, to be told
  std::optional<http::Stream> stream_;
  Watch watch_;              // after stream_, so that it stops before the descriptor closes
  std::size_t written_ = 0;  // of the record under way
  std::string received_;     // of its receipt
  std::optional<std::chrono::steady_clock::time_point> awaits_since_;  // the receipt
};

}  // namespace gantry::engine
