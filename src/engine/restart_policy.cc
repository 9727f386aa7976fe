// SPDX-License-Identifier: Apache-2.0
#include "engine/restart_policy.h"

#include <algorithm>

#include "base/printable.h"

namespace gantry::engine {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstDelay{100};
constexpr milliseconds kLongestDelay = std::chrono::minutes(1);
constexpr milliseconds kLongRun = std::chrono::seconds(10);

struct NamedRule {
  std::string_view name;
  RestartRule rule;
};
constexpr NamedRule kRules[] = {{"", RestartRule::No},
                                {"no", RestartRule::No},
                                {"always", RestartRule::Always},
                                {"unless-stopped", RestartRule::UnlessStopped},
                                {"on-failure", RestartRule::OnFailure}};

}  // namespace

Result<RestartRule> check_restart_policy(const container::RestartPolicy& policy) {
  const auto* found = std::ranges::find(kRules, policy.name, &NamedRule::name);
  if (found == std::end(kRules))
    return error(Code::InvalidArgument,
                 "invalid restart policy: unknown policy '{}'; use one of 'no', 'always', 'on-failure', or "
                 "'unless-stopped'",
                 printable(policy.name));
  if (policy.maximum_retry_count != 0 && found->rule != RestartRule::OnFailure)
    return error(Code::InvalidArgument,
                 "invalid restart policy: maximum retry count can only be used with 'on-failure'");
  if (policy.maximum_retry_count < 0)
    return error(Code::InvalidArgument, "invalid restart policy: maximum retry count cannot be negative");
  return found->rule;
}

RestartDecider::RestartDecider(const container::RestartPolicy& policy, std::int64_t count)
    : rule_(check_restart_policy(policy).value_or(RestartRule::No)),
      maximum_(policy.maximum_retry_count),
      count_(count) {}

void RestartDecider::set_policy(const container::RestartPolicy& policy) { *this = RestartDecider(policy); }

void RestartDecider::reset() {
  count_ = 0;
  delay_ = milliseconds(0);
}

std::optional<milliseconds> RestartDecider::on_exit(const Exit& exit) {
  if (exit.was_stopped || !wants_restart(exit.code)) return std::nullopt;
  if (exit.ran_for > kLongRun) delay_ = milliseconds(0);
  delay_ = delay_ == milliseconds(0) ? kFirstDelay : std::min(2 * delay_, kLongestDelay);
  ++count_;
  return delay_;
}

bool RestartDecider::starts_with_daemon(int exit_code, bool was_stopped) const {
  if (was_stopped) return rule_ == RestartRule::Always;
  return wants_restart(exit_code);
}

bool RestartDecider::wants_restart(int exit_code) const {
  switch (rule_) {
    case RestartRule::No: return false;
    case RestartRule::Always:
    case RestartRule::UnlessStopped: return true;
    case RestartRule::OnFailure: return exit_code != 0 && (maximum_ == 0 || count_ < maximum_);
  }
  return false;
}

}  // namespace gantry::engine
