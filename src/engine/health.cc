// SPDX-License-Identifier: Apache-2.0
#include "engine/health.h"

#include <fmt/format.h>

#include "base/printable.h"

namespace gantry::engine {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

// Docker's, where neither the container nor its image says anything.
constexpr nanoseconds kInterval = 30s;
constexpr nanoseconds kTimeout = 30s;
constexpr nanoseconds kStartInterval = 5s;
constexpr std::int64_t kRetries = 3;

nanoseconds or_default(std::int64_t value, nanoseconds fallback) {
  return value > 0 ? nanoseconds(value) : fallback;
}

// Cut between characters, so that JSON can hold it as it is.
std::string cut(std::string text) {
  if (text.size() <= kMaxProbeOutput) return text;
  std::size_t end = kMaxProbeOutput;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

// "1m30s" as Go writes a duration.
std::string duration_text(nanoseconds duration) {
  if (duration < 1s)
    return fmt::format("{}ms", std::chrono::ceil<std::chrono::milliseconds>(duration).count());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() % 1000;
  std::string text;
  if (seconds >= 3600) text += fmt::format("{}h", seconds / 3600);
  if (seconds >= 60) text += fmt::format("{}m", seconds / 60 % 60);
  return text + (milliseconds == 0 ? fmt::format("{}s", seconds % 60)
                                   : fmt::format("{}.{:03}s", seconds % 60, milliseconds));
}

}  // namespace

void fields(json::Fields& f, ProbeResult& result) {
  using enum json::Presence;
  f("Start", result.start, Always);
  f("End", result.end, Always);
  f("ExitCode", result.exit_code, Always);
  f("Output", result.output, Always);
}

void fields(json::Fields& f, Health& health) {
  using enum json::Presence;
  f("Status", health.status, Always);
  f("FailingStreak", health.failing_streak, Always);
  f("Log", health.log, Always);
}

Result<std::optional<Probe>> probe_of(const container::Config& config) {
  if (!config.healthcheck || config.healthcheck->test.empty()) return std::optional<Probe>();
  const container::HealthConfig& check = *config.healthcheck;
  const std::string& kind = check.test[0];
  if (kind == "NONE") return std::optional<Probe>();
  if ((kind != "CMD" && kind != "CMD-SHELL") || check.test.size() < 2)
    return error(Code::InvalidArgument, "Healthcheck.Test: '{}' is not CMD or CMD-SHELL with a command",
                 printable(kind));

  Probe probe{.interval = or_default(check.interval, kInterval),
              .timeout = or_default(check.timeout, kTimeout),
              .start_period = or_default(check.start_period, 0s),
              .start_interval = or_default(check.start_interval, kStartInterval),
              .retries = check.retries > 0 ? check.retries : kRetries};
  if (kind == "CMD-SHELL") {
    probe.command = config.shell;
    if (probe.command.empty()) probe.command = {"/bin/sh", "-c"};
  }
  probe.command.insert(probe.command.end(), check.test.begin() + 1, check.test.end());
  return std::optional(std::move(probe));
}

HealthCheck::HealthCheck(Probe probe, Time started)
    : probe_(std::move(probe)),
      started_(started),
      last_end_(started),
      health_(std::make_shared<const Health>(Health{.status = HealthStatus::Starting})) {}

HealthCheck::Time HealthCheck::next_probe() const {
  const bool is_starting = status() == HealthStatus::Starting && last_end_ < started_ + probe_.start_period;
  return last_end_ + (is_starting ? probe_.start_interval : probe_.interval);
}

bool HealthCheck::on_result(Time began, Time ended, ProbeResult result) {
  last_end_ = ended;
  Health health = *health_;
  const HealthStatus before = health.status;
  if (result.exit_code == 0) {
    health.failing_streak = 0;
    health.status = HealthStatus::Healthy;
  } else if (before != HealthStatus::Starting || began >= started_ + probe_.start_period) {
    ++health.failing_streak;
    if (health.failing_streak >= probe_.retries) health.status = HealthStatus::Unhealthy;
  }
  result.output = cut(std::move(result.output));
  if (health.log.size() >= kProbesKept) health.log.erase(health.log.begin());
  health.log.push_back(std::move(result));
  const bool has_changed = health.status != before;
  health_ = std::make_shared<const Health>(std::move(health));
  return has_changed;
}

ProbeResult timed_out_probe(nanoseconds timeout, std::string start, std::string end,
                            std::string_view output) {
  std::string text = fmt::format("Health check exceeded timeout ({})", duration_text(timeout));
  if (!output.empty()) text += fmt::format(": {}", output);
  return {.start = std::move(start), .end = std::move(end), .exit_code = -1, .output = std::move(text)};
}

}  // namespace gantry::engine
