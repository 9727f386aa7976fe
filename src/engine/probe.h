// SPDX-License-Identifier: Apache-2.0
//
// One command in a running container, with its output and a time limit, on an event loop: what a health
// check runs.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "container/shim_client.h"

namespace gantry::engine {

struct ProbeEnd {
  std::int64_t exit_code = -1;
  bool timed_out = false;
  std::string output;  // the beginning of it, or why it could not be run
};

// Lives until its end, by itself.
class RunningProbe final : public container::ShimListener {
 public:
  using OnEnd = std::move_only_function<void(ProbeEnd)>;

  struct Request {
    std::string socket;        // of the shim
    std::string process_file;  // removed when the shim has read it
    std::chrono::milliseconds timeout{0};
    std::size_t max_output = 0;  // bytes
  };
  // On the loop's thread, where `on_end` is called, once.
  static void start(EventLoop& loop, Request request, OnEnd on_end);

 private:
  RunningProbe(EventLoop& loop, Request request, OnEnd on_end);
  void open(EventLoop& loop);
  void on_started(Result<container::ShimClient::Exec> started);
  void on_timeout();
  void end();

  void on_output(std::uint32_t session, shim::Stream stream, std::string_view bytes) override;
  void on_exit(std::uint32_t session, const shim::ExitStatus& exit) override;
  void on_closed(const Error& why) override;

  const Request request_;
  OnEnd on_end_;
  ProbeEnd end_;
  std::uint32_t session_ = 0;
  Timer timer_;
  std::unique_ptr<container::ShimClient> client_;
};

}  // namespace gantry::engine
