// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/job_policies.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/index_set.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::size_t kRules = 20;
constexpr std::size_t kExitCodes = 255;
constexpr std::size_t kPatterns = 20;
constexpr std::size_t kIndexesSize = 64 << 10;  // bytes
constexpr std::string_view kActions[] = {"Count", "FailIndex", "FailJob", "Ignore"};
constexpr std::string_view kOperators[] = {"In", "NotIn"};
constexpr std::string_view kReplacements[] = {"Failed", "TerminatingOrFailed"};
constexpr std::string_view kReplacesFailed[] = {"Failed"};

// Required and one of the words, which the message has as a list in Go's form.
void one_of_these(const Spot& text, std::span<const std::string_view> words) {
  if (!text.text().empty()) return one_of_if_set(text, words);
  std::string list;
  for (const std::string_view word : words)
    fmt::format_to(std::back_inserter(list), "{}\"{}\"", list.empty() ? "" : " ", word);
  text.required(fmt::format("valid values: [{}]", list));
}

void exit_codes(const Spot& codes, const std::set<std::string_view>& containers) {
  one_of_these(codes["operator"], kOperators);
  if (const Spot name = codes["containerName"]; name.is_set() && !containers.contains(name.text()))
    name.invalid("must be one of the container or initContainer names in the pod template");
  const Spot values = codes["values"];
  if (values.size() == 0) values.invalid("at least one value is required");
  if (values.size() > kExitCodes) values.too_many(values.size(), kExitCodes);
  std::set<std::int64_t> seen;
  bool is_ordered = true;
  std::int64_t before = 0;
  values.each([&](const Spot& value) {
    const std::int64_t code = value.number();
    if (codes["operator"].text() == "In" && code == 0) value.invalid("must not be 0 for the In operator");
    is_ordered &= seen.empty() || before <= code;
    if (!seen.insert(code).second) value.duplicate();
    before = code;
  });
  if (!is_ordered) values.invalid("must be ordered");
}

void pod_conditions(const Spot& patterns) {
  if (patterns.size() > kPatterns) patterns.too_many(patterns.size(), kPatterns);
  patterns.each([](const Spot& pattern) {
    pattern["type"].invalid_for(label_key_faults(pattern["type"].text()));
    one_of_these(pattern["status"], kConditionStatuses);
  });
}

std::set<std::string_view> container_names(const Spot& spec) {
  std::set<std::string_view> names;
  for (const char* list : {"containers", "initContainers"})
    for (const Tree& container : spec["template"]["spec"][list].value().array())
      names.insert(container.text_at("name"));
  return names;
}

void failure_rule(const Spot& rule, const Spot& spec, const std::set<std::string_view>& containers) {
  const Spot action = rule["action"];
  one_of_these(action, kActions);
  if (action.text() == "FailIndex" && !spec["backoffLimitPerIndex"].is_set())
    action.invalid("requires the backoffLimitPerIndex to be set");
  const bool has_codes = rule["onExitCodes"].is_set();
  const bool has_conditions = rule["onPodConditions"].size() > 0;
  if (has_codes) exit_codes(rule["onExitCodes"], containers);
  if (has_conditions) pod_conditions(rule["onPodConditions"]);
  if (has_codes && has_conditions)
    rule.unfit("specifying both OnExitCodes and OnPodConditions is not supported");
  if (!has_codes && !has_conditions)
    rule.unfit("specifying one of OnExitCodes and OnPodConditions is required");
}

void failure_policy(const Spot& spec) {
  const Spot rules = spec["podFailurePolicy"]["rules"];
  if (rules.size() > kRules) rules.too_many(rules.size(), kRules);
  const std::set<std::string_view> containers = container_names(spec);
  rules.each([&](const Spot& rule) { failure_rule(rule, spec, containers); });
}

void success_rule(const Spot& rule, std::int64_t completions) {
  const Spot indexes = rule["succeededIndexes"];
  const Spot count = rule["succeededCount"];
  if (!indexes.is_set() && !count.is_set())
    rule.required("at least one of succeededCount or succeededIndexes must be specified");
  std::int64_t total = 0;
  if (indexes.is_set()) {
    if (indexes.text().size() > kIndexesSize) indexes.too_long(kIndexesSize);
    if (const auto counted = count_indexes(indexes.text(), completions))
      total = *counted;
    else
      indexes.invalid(fmt::format("error parsing succeededIndexes: {}", counted.error()));
  }
  if (!count.is_set()) return;
  non_negative(count);
  const auto at_most = [&](std::int64_t most, std::string_view what) {
    if (count.number() > most)
      count.invalid(fmt::format("must be less than or equal to {} (the number of {})", most, what));
  };
  at_most(completions, "specified completions");
  if (indexes.is_set()) at_most(total, "indexes in the specified succeededIndexes field");
}

void success_policy(const Spot& spec) {
  const Spot policy = spec["successPolicy"];
  if (spec["completionMode"].text() != "Indexed") return policy.invalid("requires indexed completion mode");
  const Spot rules = policy["rules"];
  required(rules, "at least one rules must be specified when the successPolicy is specified");
  if (rules.size() > kRules) rules.too_many(rules.size(), kRules);
  rules.each([&](const Spot& rule) { success_rule(rule, spec["completions"].number()); });
}

}  // namespace

void job_policies(const Spot& spec) {
  const bool has_failure_policy = spec["podFailurePolicy"].is_set();
  if (has_failure_policy) failure_policy(spec);
  if (spec["successPolicy"].is_set()) success_policy(spec);
  if (has_failure_policy)
    one_of_if_set(spec["podReplacementPolicy"], kReplacesFailed);
  else
    one_of_if_set(spec["podReplacementPolicy"], kReplacements);
}

}  // namespace gantry::kube::rules
