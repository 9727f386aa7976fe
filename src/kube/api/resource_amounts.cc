// SPDX-License-Identifier: Apache-2.0
#include "kube/api/resource_amounts.h"

#include <algorithm>

namespace gantry::kube {

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

}  // namespace gantry::kube
