// SPDX-License-Identifier: Apache-2.0
//
// Whether and when a container that has ended is started again: Docker's rules. Pure: it is told what
// happened and says how long to wait.
//
//   RestartDecider decider(policy);
//   if (const auto delay = decider.on_exit({.code = 1, .ran_for = 3s})) timer.start(*delay);
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "container/settings.h"

namespace gantry::engine {

enum class RestartRule : std::uint8_t { No, Always, UnlessStopped, OnFailure };

// InvalidArgument in Docker's words: an unknown name, a count where it has no meaning, a negative one.
Result<RestartRule> check_restart_policy(const container::RestartPolicy& policy);

class RestartDecider {
 public:
  struct Exit {
    int code = 0;
    std::chrono::milliseconds ran_for{0};
    bool was_stopped = false;  // stop, kill or remove asked for it
  };

  // A policy that check_restart_policy() let pass. `count` is of restarts there were already (RestartCount).
  explicit RestartDecider(const container::RestartPolicy& policy, std::int64_t count = 0);

  // POST /containers/{id}/update: counting and waiting start over.
  void set_policy(const container::RestartPolicy& policy);
  // After a start by hand: restarts are counted from 0 again.
  void reset();

  // How long to wait before the next start; empty: it stays stopped. The wait begins with 100 ms, doubles up
  // to a minute, and begins anew when the container had run for 10 s.
  std::optional<std::chrono::milliseconds> on_exit(const Exit& exit);

  // Whether a container that was found ended when the daemon started is started: `always` even when somebody
  // had stopped it.
  bool starts_with_daemon(int exit_code, bool was_stopped) const;

  std::int64_t count() const { return count_; }  // since the last start by hand
  RestartRule rule() const { return rule_; }

 private:
  bool wants_restart(int exit_code) const;

  RestartRule rule_ = RestartRule::No;
  std::int64_t maximum_ = 0;  // of OnFailure; 0: no end
  std::int64_t count_ = 0;
  std::chrono::milliseconds delay_{0};
};

}  // namespace gantry::engine
