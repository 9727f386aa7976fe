// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/resource_names.h"

#include <algorithm>

#include "kube/api/names.h"
#include "kube/api/quantity.h"
#include "kube/rules/checks.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kOfContainers[] = {"cpu", "ephemeral-storage", "memory"};
constexpr std::string_view kOfQuotas[] = {"cpu",
                                          "ephemeral-storage",
                                          "limits.cpu",
                                          "limits.ephemeral-storage",
                                          "limits.memory",
                                          "memory",
                                          "requests.cpu",
                                          "requests.ephemeral-storage",
                                          "requests.memory",
                                          "requests.storage"};
constexpr std::string_view kCounted[] = {"configmaps",
                                         "persistentvolumeclaims",
                                         "pods",
                                         "replicationcontrollers",
                                         "resourcequotas",
                                         "secrets",
                                         "services",
                                         "services.loadbalancers",
                                         "services.nodeports"};

bool is_in(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool is_plain(std::string_view name) { return name.find('/') == std::string_view::npos; }
// Kubernetes' own, with its domain or without one.
bool is_native(std::string_view name) {
  return is_plain(name) || name.find("kubernetes.io/") != std::string_view::npos;
}

// "requests.example.com/gpu" is what quotas call it.
bool is_extended(std::string_view name) {
  if (is_native(name) || name.starts_with("requests.")) return false;
  return label_key_faults(std::string("requests.").append(name)).empty();
}

}  // namespace

bool is_huge_page(std::string_view name) { return name.starts_with("hugepages-"); }

bool is_quota_resource(std::string_view name) {
  return is_in(kOfQuotas, name) || is_in(kCounted, name) || is_huge_page(name) ||
         name.starts_with("requests.hugepages-");
}

bool may_be_overcommitted(std::string_view name) { return is_native(name) && !is_huge_page(name); }

void resource_name(const Spot& at, std::string_view name) {
  const Faults faults = label_key_faults(name);
  for (const std::string& fault : faults) at.invalid(Tree(name), fault);
  if (faults.empty() && is_plain(name) && !is_quota_resource(name) && name != "storage")
    at.invalid(Tree(name), "must be a standard resource type or fully qualified");
}

void container_resource_name(const Spot& at, std::string_view name) {
  resource_name(at, name);
  if (is_plain(name)) {
    if (!is_in(kOfContainers, name) && !is_huge_page(name))
      at.invalid(Tree(name), "must be a standard resource for containers");
  } else if (!is_native(name) && !is_extended(name)) {
    at.invalid(Tree(name), "doesn't follow extended resource name standard");
  }
}

void quota_resource_name(const Spot& at, std::string_view name) {
  resource_name(at, name);
  if (is_plain(name) && !is_quota_resource(name))
    at.invalid(Tree(name), "must be a standard resource for quota");
}

void resource_amount(const Spot& amount, std::string_view name) {
  quantity_non_negative(amount);
  const auto parsed = Quantity::from_tree(amount.value());
  const bool must_be_whole = is_in(kCounted, name) || is_extended(name);
  if (parsed && must_be_whole && !parsed->is_whole()) amount.invalid("must be an integer");
}

void resource_list(const Spot& list, void (*check_name)(const Spot& at, std::string_view name)) {
  list.each_member([&](std::string_view name, const Spot& amount) {
    check_name(amount, name);
    resource_amount(amount, name);
  });
}

}  // namespace gantry::kube::rules
