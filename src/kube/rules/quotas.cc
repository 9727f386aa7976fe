// SPDX-License-Identifier: Apache-2.0
//
// ResourceQuota and LimitRange.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "kube/api/quantity.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/resource_names.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kScopes[] = {
    "BestEffort",  "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass",
    "Terminating", "VolumeAttributesClass"};

bool is_scope(std::string_view scope) { return std::ranges::find(kScopes, scope) != std::end(kScopes); }

// Some scopes are about pods alone, and of those that ask for as little as possible nothing else can be
// counted.
bool is_for(std::string_view scope, std::string_view resource) {
  constexpr std::string_view kOfPods[] = {"cpu",
                                          "ephemeral-storage",
                                          "limits.cpu",
                                          "limits.ephemeral-storage",
                                          "limits.memory",
                                          "memory",
                                          "pods",
                                          "requests.cpu",
                                          "requests.ephemeral-storage",
                                          "requests.memory"};
  const bool is_of_pods = std::ranges::find(kOfPods, resource) != std::end(kOfPods);
  if (scope == "BestEffort") return resource == "pods";
  if (scope == "VolumeAttributesClass")
    return resource == "persistentvolumeclaims" || resource == "requests.storage";
  return is_of_pods;
}

// `shown`: what the message has as value.
void fitting_scope(const Spot& place, const Tree& shown, std::string_view scope, const Tree& hard) {
  for (const auto& [resource, amount] : hard.object())
    if (is_scope(scope) && is_quota_resource(resource) && !is_for(scope, resource))
      place.invalid(shown, "unsupported scope applied to resource");
}

void conflicts(const Spot& place, const Tree& shown, const std::set<std::string_view>& scopes) {
  for (const auto& [one, other] :
       {std::pair("BestEffort", "NotBestEffort"), std::pair("NotTerminating", "Terminating")})
    if (scopes.contains(one) && scopes.contains(other)) place.invalid(shown, "conflicting scopes");
}

void plain_scopes(const Spot& spec) {
  const Spot list = spec["scopes"];
  std::set<std::string_view> scopes;
  for (const Tree& scope : list.value().array()) {
    if (!is_scope(scope.as_string())) list.invalid("unsupported scope");
    fitting_scope(list, list.value(), scope.as_string(), spec["hard"].value());
    scopes.insert(scope.as_string());
  }
  conflicts(list, list.value(), scopes);
}

void scope_requirement(const Spot& place, const Tree& requirement) {
  const std::string_view scope = requirement.text_at("scopeName"), op = requirement.text_at("operator");
  const Tree* values = requirement.find("values");
  const bool has_values = values != nullptr && !values->array().empty();
  if (!is_scope(scope)) place["scopeName"].invalid(Tree(scope), "unsupported scope");
  if (is_scope(scope) && scope != "PriorityClass" && scope != "VolumeAttributesClass" && op != "Exists")
    place["operator"].invalid(Tree(op),
                              "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                              "ResourceQuotaScopeNotTerminating, "
                              "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
                              "ResourceQuotaScopeCrossNamespacePodAffinity");
  if (op == "In" || op == "NotIn") {
    if (!has_values)
      place["values"].required(
          "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (has_values)
      place["values"].invalid(
          *values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
  } else {
    place["operator"].invalid(Tree(op), "not a valid selector operator");
  }
}

// Kubernetes tells of all requirements at one place.
void scope_selector(const Spot& spec) {
  const Spot selector = spec["scopeSelector"];
  const Spot list = selector["matchExpressions"];
  std::set<std::string_view> scopes;
  for (const Tree& requirement : list.value().array()) {
    fitting_scope(list, selector.value(), requirement.text_at("scopeName"), spec["hard"].value());
    scope_requirement(list, requirement);
    scopes.insert(requirement.text_at("scopeName"));
  }
  conflicts(list, list.value(), scopes);
}

void check_quota(const Spot& object) {
  const Spot spec = object["spec"];
  resource_list(spec["hard"], quota_resource_name);
  plain_scopes(spec);
  scope_selector(spec);
}

// In whatever order.
std::set<std::string_view> scopes_of(const Tree* scopes) {
  std::set<std::string_view> set;
  if (scopes != nullptr)
    for (const Tree& scope : scopes->array()) set.insert(scope.as_string());
  return set;
}

void update_quota(const Spot& object, const Tree& before) {
  const Spot scopes = object["spec"]["scopes"];
  if (scopes_of(&scopes.value()) != scopes_of(before.find("spec", "scopes"))) scopes.invalid(kImmutable);
}

void update_quota_status(const Spot& object, const Tree& /*before*/) {
  for (const char* list : {"hard", "used"}) resource_list(object["status"][list], quota_resource_name);
}

// Of two amounts of a limit the first may not be above the second: where that is told of, and in which words.
struct AmountOrder {
  const char* less;
  const char* more;
  const char* place;
  const char* shown;
  const char* words;
};
constexpr AmountOrder kAmountOrders[] = {
    {"min", "max", "min", "min", "min value {} is greater than max value {}"},
    {"min", "defaultRequest", "defaultRequest", "defaultRequest",
     "min value {} is greater than default request value {}"},
    {"defaultRequest", "max", "defaultRequest", "defaultRequest",
     "default request value {} is greater than max value {}"},
    {"defaultRequest", "default", "defaultRequest", "defaultRequest",
     "default request value {} is greater than default limit value {}"},
    {"min", "default", "default", "min", "min value {} is greater than default value {}"},
    {"default", "max", "default", "max", "default value {} is greater than max value {}"}};

void in_order(const Spot& limit, const AmountOrder& order) {
  limit[order.less].each_member([&](std::string_view name, const Spot& amount) {
    const Spot most = limit[order.more].key(name);
    if (!most.is_set()) return;
    const auto one = Quantity::from_tree(amount.value());
    const auto other = Quantity::from_tree(most.value());
    if (one && other && *one > *other)
      limit[order.place].key(name).invalid(
          limit[order.shown].key(name).value(),
          fmt::format(fmt::runtime(order.words), one->text(), other->text()));
  });
}

void ratio(const Spot& ratio, const Spot& least, const Spot& most) {
  const auto amount = Quantity::from_tree(ratio.value());
  if (!amount) return;
  if (*amount < Quantity(1)) ratio.invalid(fmt::format("ratio {} is less than 1", amount->text()));
  if (!least.is_set() || !most.is_set()) return;
  const auto low = Quantity::from_tree(least.value()), high = Quantity::from_tree(most.value());
  if (!low || !high || low->sign() <= 0) return;
  const double possible = high->as_double() / low->as_double();
  if (amount->as_double() > possible)
    ratio.invalid(fmt::format("ratio {} is greater than max/min = {:f}", amount->text(), possible));
}

// Pods and containers use other things than claims do.
void limited_resources(const Spot& limit) {
  const bool is_of_pods = limit["type"].text() == "Pod" || limit["type"].text() == "Container";
  for (const char* list : {"max", "min", "default", "defaultRequest", "maxLimitRequestRatio"})
    resource_list(limit[list], is_of_pods ? container_resource_name : resource_name);
  const bool has_size = limit["min"].key("storage").is_set() || limit["max"].key("storage").is_set();
  if (limit["type"].text() == "PersistentVolumeClaim" && !has_size)
    limit["limits"].required("either minimum or maximum storage value is required, but neither was provided");
}

void limit_type(const Spot& type) {
  constexpr std::string_view kTypes[] = {"Container", "PersistentVolumeClaim", "Pod"};
  const Faults faults = label_key_faults(type.text());
  type.invalid_for(faults);
  const bool is_standard = std::ranges::find(kTypes, type.text()) != std::end(kTypes);
  if (faults.empty() && !is_standard && type.text().find('/') == std::string_view::npos)
    type.invalid("must be a standard limit type or fully qualified");
}

void check_limit_range(const Spot& object) {
  std::set<std::string_view> types;
  object["spec"]["limits"].each([&](const Spot& limit) {
    const Spot type = limit["type"];
    limit_type(type);
    if (!types.insert(type.text()).second) type.duplicate();
    limited_resources(limit);
    if (type.text() == "Pod")
      for (const char* list : {"default", "defaultRequest"})
        if (limit[list].size() > 0) limit[list].forbidden("may not be specified when `type` is 'Pod'");
    for (const AmountOrder& order : kAmountOrders) in_order(limit, order);
    limit["maxLimitRequestRatio"].each_member([&](std::string_view name, const Spot& one) {
      ratio(one, limit["min"].key(name), limit["max"].key(name));
    });
    limit["defaultRequest"].each_member([&](std::string_view name, const Spot& request) {
      const Spot usual = limit["default"].key(name);
      if (may_be_overcommitted(name) || !usual.is_set() || is_same(&usual.value(), &request.value())) return;
      request.invalid(fmt::format("default value {} must equal to defaultRequest value {} in {}",
                                  usual.text(), request.text(), name));
    });
  });
}

constexpr KindRules kRules[] = {
    {.group = "", .kind = "LimitRange", .check = check_limit_range},
    {.group = "",
     .kind = "ResourceQuota",
     .check = check_quota,
     .check_update = update_quota,
     .check_status = update_quota_status},
};

}  // namespace

std::span<const KindRules> quota_rules() { return kRules; }

}  // namespace gantry::kube::rules
