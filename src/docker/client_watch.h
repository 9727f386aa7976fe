// SPDX-License-Identifier: Apache-2.0
//
// Tells when the client of a long request goes away, so that nobody builds or pulls for one who has pressed
// Ctrl-C.
//
//   const auto watch = TRY(ClientWatch::start(call.response, [&] { cancel.cancel("the client has gone"); }));
#pragma once

#include <functional>
#include <memory>

#include "base/error.h"
#include "base/loop_thread.h"
#include "http/server.h"

namespace gantry::docker {

class ClientWatch {
 public:
  // `on_gone` is called at most once, on a thread of the watch's own, and not after the watch's end.
  static Result<std::unique_ptr<ClientWatch>> start(const http::ResponseWriter& response,
                                                    std::function<void()> on_gone);
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;
  ~ClientWatch();

 private:
  ClientWatch(std::unique_ptr<LoopThread> thread, std::function<void()> on_gone);
  void on_ready();

  const std::function<void()> on_gone_;
  const std::unique_ptr<LoopThread> thread_;
  Watch watch_;  // of the thread
};

}  // namespace gantry::docker
