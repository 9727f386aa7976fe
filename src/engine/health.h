// SPDX-License-Identifier: Apache-2.0
//
// The health of one container: when to probe it, and what the answers make of it. Pure: the engine runs the
// probes (an exec session each), keeps the time, and asks what is next.
//
//   HealthCheck check(*probe_of(config), started_at);
//   timer at check.next_probe() -> run check.command() with check.timeout(), then
//   if (check.on_result(began, ended, result)) publish("health_status: " + name_of(check.status()));
//
// Docker's rules: `retries` failures in a row make it unhealthy, one success healthy again; failures in
// the start period do not count until a first success.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_codec.h"
#include "container/settings.h"

namespace gantry::engine {

enum class HealthStatus : std::uint8_t { None, Starting, Healthy, Unhealthy };
constexpr std::array<std::string_view, 4> names_of(HealthStatus) {
  return {"none", "starting", "healthy", "unhealthy"};
}
constexpr std::string_view name_of(HealthStatus status) {
  return names_of(status)[static_cast<std::size_t>(status)];
}

// As inspect shows it (State.Health.Log).
struct ProbeResult {
  std::string start;  // RFC 3339
  std::string end;
  std::int64_t exit_code = 0;  // -1: it could not be run, or took too long
  std::string output;          // at most kMaxProbeOutput bytes
};
struct Health {  // State.Health
  HealthStatus status = HealthStatus::None;
  std::int64_t failing_streak = 0;
  std::vector<ProbeResult> log;  // the last kProbesKept, oldest first
};
void fields(json::Fields& f, ProbeResult& result);
void fields(json::Fields& f, Health& health);

inline constexpr std::size_t kMaxProbeOutput = 4096;
inline constexpr std::size_t kProbesKept = 5;

// With Docker's defaults filled in; times of 0 are gone.
struct Probe {
  std::vector<std::string> command;
  std::chrono::nanoseconds interval{};
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds start_period{};
  std::chrono::nanoseconds start_interval{};
  std::int64_t retries = 0;
};
// Empty when there is nothing to probe ({"NONE"}, no test). `shell` is that of the container (Config.Shell)
// for CMD-SHELL. InvalidArgument: a test of an unknown kind, times too short or negative.
Result<std::optional<Probe>> probe_of(const container::Config& config);

class HealthCheck {
 public:
  using Time = std::chrono::steady_clock::time_point;

  HealthCheck(Probe probe, Time started);

  const std::vector<std::string>& command() const { return probe_.command; }
  std::chrono::nanoseconds timeout() const { return probe_.timeout; }
  // When the next probe is due; the interval runs from the end of the one before.
  Time next_probe() const;

  // `began` and `ended` are the times of `result` on the loop's clock. True when the status has changed.
  bool on_result(Time began, Time ended, ProbeResult result);

  // A new one after every result, so that it can be shared.
  const std::shared_ptr<const Health>& health() const { return health_; }
  HealthStatus status() const { return health_->status; }

 private:
  Probe probe_;
  Time started_;
  Time last_end_;
  std::shared_ptr<const Health> health_;
};

// The result of a probe that took longer than its timeout, and was killed.
ProbeResult timed_out_probe(std::chrono::nanoseconds timeout, std::string start, std::string end,
                            std::string_view output);

}  // namespace gantry::engine
