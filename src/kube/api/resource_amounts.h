// SPDX-License-Identifier: Apache-2.0
//
// How much of what: the type ResourceList of Kubernetes.
// From any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json_tree.h"
#include "kube/api/quantity.h"

namespace gantry::kube {

using ResourceAmounts = std::map<std::string, Quantity>;

// What is no quantity was refused by decoding, and is left out.
ResourceAmounts amounts_of(const json::Tree& list);

template <class... Keys>
ResourceAmounts amounts_at(const json::Tree& object, Keys... keys) {
  const json::Tree* list = object.find(keys...);
  return list == nullptr ? ResourceAmounts() : amounts_of(*list);
}

void add(ResourceAmounts& to, const ResourceAmounts& more);
// The larger of both, one by one.
void raise(ResourceAmounts& to, const ResourceAmounts& other);

}  // namespace gantry::kube
