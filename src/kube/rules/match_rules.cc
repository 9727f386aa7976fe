// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/match_rules.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/trim.h"
#include "kube/rules/checks.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kFailurePolicies[] = {"Fail", "Ignore"};
constexpr std::string_view kMatchPolicies[] = {"Equivalent", "Exact"};
constexpr std::string_view kReinvocation[] = {"IfNeeded", "Never"};
constexpr std::string_view kScopes[] = {"*", "Cluster", "Namespaced"};
constexpr std::string_view kOperations[] = {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"};
constexpr std::size_t kConditions = 64;

// A list that says "*" says nothing else.
void all_or_some(const Spot& list, std::string_view what) {
  if (list.size() == 0) return list.required();
  const auto is_all = [](const Tree& one) { return one.as_string() == "*"; };
  if (list.size() > 1 && std::ranges::any_of(list.value().array(), is_all))
    list.invalid(fmt::format("if '*' is present, must not specify other {}", what));
}

// "pods", "pods/log", "pods/*", "*/log", "*", "*/*": each says something that those before do not.
class Resources {
 public:
  void add(const Spot& resource) {
    const std::string_view text = resource.text();
    if (text.empty()) return resource.required();
    has_everything_ |= text == "*/*";
    has_all_ |= text == "*";
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
      // The last one counts, as it does for Kubernetes.
      has_plain_ = text != "*";
      return;
    }
    const std::string_view name = text.substr(0, slash), part = text.substr(slash + 1);
    if (with_all_parts_.contains(name))
      resource.invalid(fmt::format("if '{}/*' is present, must not specify {}", name, text));
    if (parts_of_all_.contains(part))
      resource.invalid(fmt::format("if '*/{}' is present, must not specify {}", part, text));
    if (part == "*") with_all_parts_.insert(name);
    if (name == "*") parts_of_all_.insert(part);
  }

  void finish(const Spot& list) const {
    if (list.size() > 1 && has_everything_)
      list.invalid("if '*/*' is present, must not specify other resources");
    if (has_all_ && has_plain_)
      list.invalid("if '*' is present, must not specify other resources without subresources");
  }

 private:
  std::set<std::string_view> with_all_parts_;
  std::set<std::string_view> parts_of_all_;
  bool has_everything_ = false;
  bool has_all_ = false;
  bool has_plain_ = false;
};

void resources(const Spot& list) {
  if (list.size() == 0) list.required();
  Resources seen;
  list.each([&](const Spot& resource) { seen.add(resource); });
  seen.finish(list);
}

void named_rule(const Spot& rule) {
  std::set<std::string_view> names;
  rule["resourceNames"].each([&](const Spot& name) {
    name.invalid_for(path_segment_faults(name.text()));
    if (!names.insert(name.text()).second) name.duplicate();
  });
  rule_with_operations(rule);
}

}  // namespace

void rule_with_operations(const Spot& rule) {
  all_or_some(rule["operations"], "operations");
  rule["operations"].each([](const Spot& operation) { one_of_if_set(operation, kOperations); });
  all_or_some(rule["apiGroups"], "API groups");
  all_or_some(rule["apiVersions"], "API versions");
  rule["apiVersions"].each([](const Spot& version) { required(version); });
  resources(rule["resources"]);
  one_of_if_set(rule["scope"], kScopes);
}

void match_resources(const Spot& resources) {
  required(resources["matchPolicy"]);
  match_policy(resources["matchPolicy"]);
  for (const char* selector : {"namespaceSelector", "objectSelector"}) {
    if (!resources[selector].is_set()) resources[selector].required();
    label_selector(resources[selector]);
  }
  for (const char* list : {"resourceRules", "excludeResourceRules"}) resources[list].each(named_rule);
}

void match_conditions(const Spot& conditions) {
  if (conditions.size() > kConditions) conditions.too_many(conditions.size(), kConditions);
  std::set<std::string_view> names;
  conditions.each([&](const Spot& condition) {
    if (!says_something(condition["expression"])) condition["expression"].required();
    const Spot name = condition["name"];
    named(name, label_key_faults);
    if (!name.text().empty() && !names.insert(name.text()).second) name.duplicate();
  });
}

void failure_policy(const Spot& policy) { one_of_if_set(policy, kFailurePolicies); }
void match_policy(const Spot& policy) { one_of_if_set(policy, kMatchPolicies); }
void reinvocation_policy(const Spot& policy) { one_of_if_set(policy, kReinvocation); }

bool says_something(const Spot& expression) { return !trimmed(expression.text()).empty(); }

}  // namespace gantry::kube::rules
