// SPDX-License-Identifier: Apache-2.0
//
// ResourceQuota and LimitRange.
#include <set>

#include <fmt/format.h>

#include "kube/api/quantity.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

constexpr std::string_view kScopes[] = {
    "BestEffort",  "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass",
    "Terminating", "VolumeAttributesClass"};
constexpr std::string_view kOperators[] = {"DoesNotExist", "Exists", "In", "NotIn"};

void check_quota(const Spot& object) {
  const Spot spec = object["spec"];
  resource_list(spec["hard"]);
  std::set<std::string_view> scopes;
  spec["scopes"].each([&](const Spot& scope) {
    one_of_if_set(scope, kScopes);
    scopes.insert(scope.text());
  });
  for (const auto& [one, other] :
       {std::pair("BestEffort", "NotBestEffort"), std::pair("Terminating", "NotTerminating")})
    if (scopes.contains(one) && scopes.contains(other)) spec["scopes"].invalid("conflicting scopes");
  spec["scopeSelector"]["matchExpressions"].each([](const Spot& expression) {
    one_of(expression["scopeName"], kScopes);
    one_of(expression["operator"], kOperators);
    const bool takes_values =
        expression["operator"].text() == "In" || expression["operator"].text() == "NotIn";
    if (takes_values && expression["values"].size() == 0)
      expression["values"].required(
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
    if (!takes_values && expression["values"].size() > 0)
      expression["values"].invalid(
          "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
  });
}

void update_quota(const Spot& object, const json::Tree& before) {
  immutable(object["spec"]["scopes"], before.find("spec", "scopes"));
}

// Of two amounts of a limit the first may not be above the second.
void in_order(const Spot& limit, const char* low, const char* high) {
  limit[low].each_member([&](std::string_view name, const Spot& amount) {
    const Spot most = limit[high].key(name);
    if (!most.is_set()) return;
    const auto one = Quantity::from_tree(amount.value());
    const auto other = Quantity::from_tree(most.value());
    if (one && other && *one > *other)
      amount.invalid(
          fmt::format("{} value {} is greater than {} value {}", low, one->text(), high, other->text()));
  });
}

void check_limit_range(const Spot& object) {
  std::set<std::string_view> types;
  object["spec"]["limits"].each([&](const Spot& limit) {
    const Spot type = limit["type"];
    named(type, label_key_faults);
    if (!types.insert(type.text()).second) type.duplicate();
    for (const char* list : {"max", "min", "default", "defaultRequest", "maxLimitRequestRatio"})
      resource_list(limit[list]);
    if (type.text() == "Pod")
      for (const char* list : {"default", "defaultRequest"})
        if (limit[list].size() > 0) limit[list].forbidden("may not be specified when `type` is 'Pod'");
    in_order(limit, "min", "max");
    in_order(limit, "min", "default");
    in_order(limit, "min", "defaultRequest");
    in_order(limit, "default", "max");
    in_order(limit, "defaultRequest", "max");
    in_order(limit, "defaultRequest", "default");
    limit["maxLimitRequestRatio"].each_member([](std::string_view, const Spot& ratio) {
      const auto amount = Quantity::from_tree(ratio.value());
      if (amount && *amount < Quantity(1))
        ratio.invalid(fmt::format("ratio {} is less than 1", amount->text()));
    });
  });
}

constexpr KindRules kRules[] = {
    {.group = "", .kind = "LimitRange", .check = check_limit_range},
    {.group = "", .kind = "ResourceQuota", .check = check_quota, .check_update = update_quota},
};

}  // namespace

std::span<const KindRules> quota_rules() { return kRules; }

}  // namespace gantry::kube::rules
