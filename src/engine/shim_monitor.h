// SPDX-License-Identifier: Apache-2.0
//
// The engine's connection to the shim of one running container: how it learns that the container, or an exec
// session in it, has ended. Lives on the engine's loop; what it hears goes to the pool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/unique_fd.h"
#include "container/shim_client.h"
#include "engine/core.h"

namespace gantry::engine {

// How a run ended, as far as anybody knows.
struct RunEnd {
  // Absent: the shim was killed, and the exit status with it.
  std::optional<shim::ExitStatus> exit;
};

class ShimMonitor final : public container::ShimListener {
 public:
  // Run on the pool, once, when the container's first process has ended or its shim has gone. `end` without
  // an exit: look for the record on disk.
  using OnEnd = std::function<void(RunEnd end)>;
  using OnExecEnd = std::function<void(std::uint32_t session, const shim::ExitStatus& exit)>;

  // Takes over a connection that asked for nothing yet. The last owner may let go of it on any thread.
  static std::shared_ptr<ShimMonitor> start(Core& core, UniqueFd connection, OnEnd on_end,
                                            OnExecEnd on_exec_end);

  // Tells of the end of an exec session, also when it has ended already. Any thread.
  void watch_exec(std::uint32_t session);
  // Its end is recorded: the shim need not keep it. Any thread.
  void forget_exec(std::uint32_t session);
  // On the loop: silent from now on.
  void hang_up() { client_.reset(); }

 private:
  ShimMonitor(Core& core, OnEnd on_end, OnExecEnd on_exec_end)
      : core_(core), on_end_(std::move(on_end)), on_exec_end_(std::move(on_exec_end)) {}
  void open(UniqueFd connection);
  void report(RunEnd end);

  void on_exit(std::uint32_t session, const shim::ExitStatus& exit) override;
  void on_closed(const Error& why) override;

  Core& core_;
  const OnEnd on_end_;
  const OnExecEnd on_exec_end_;
  // Of the loop.
  std::unique_ptr<container::ShimClient> client_;
  bool has_ended_ = false;
};

}  // namespace gantry::engine
