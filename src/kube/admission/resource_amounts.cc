// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/resource_amounts.h"

#include <algorithm>

#include "kube/admission/pod_parts.h"

namespace gantry::kube::admission {

ResourceAmounts amounts_of(const json::Tree& list) {
  ResourceAmounts amounts;
  for (const auto& [name, value] : list.object())
    if (const auto quantity = Quantity::from_tree(value)) amounts[name] = *quantity;
  return amounts;
}

void add(ResourceAmounts& to, const ResourceAmounts& more) {
  for (const auto& [name, amount] : more) to[name] += amount;
}

void raise(ResourceAmounts& to, const ResourceAmounts& other) {
  for (const auto& [name, amount] : other) {
    const auto [at, is_new] = to.emplace(name, amount);
    if (!is_new) at->second = std::max(at->second, amount);
  }
}

// Init containers run one by one beside the sidecars that stand before them.
ResourceAmounts pod_amounts(const json::Tree& pod, std::string_view member) {
  ResourceAmounts total, sidecars, preparation;
  for_each_of(pod, kContainers,
              [&](const json::Tree& container) { add(total, amounts_at(container, "resources", member)); });
  for_each_of(pod, kInitContainers, [&](const json::Tree& container) {
    ResourceAmounts step = amounts_at(container, "resources", member);
    if (container.text_at("restartPolicy") == "Always") {
      add(total, step);
      add(sidecars, step);
      step = sidecars;
    } else {
      add(step, sidecars);
    }
    raise(preparation, step);
  });
  raise(total, preparation);
  // What the pod says itself counts in place of its containers' sum.
  for (const auto& [name, amount] : amounts_at(pod, "spec", "resources", member)) total[name] = amount;
  add(total, amounts_at(pod, "spec", "overhead"));
  return total;
}

}  // namespace gantry::kube::admission
