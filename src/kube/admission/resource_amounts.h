// SPDX-License-Identifier: Apache-2.0
//
// How much of what: the type ResourceList of Kubernetes, and what a pod asks for as a whole
// (https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json_tree.h"
#include "kube/api/quantity.h"

namespace gantry::kube::admission {

using ResourceAmounts = std::map<std::string, Quantity>;

// What is no quantity was refused by decoding, and is left out.
ResourceAmounts amounts_of(const json::Tree& list);

template <class... Keys>
ResourceAmounts amounts_at(const json::Tree& object, Keys... keys) {
  const json::Tree* list = object.find(keys...);
  return list == nullptr ? ResourceAmounts() : amounts_of(*list);
}

// `member`: "requests" or "limits". Containers together, or the hungriest step of its preparation if that is
// more, and the overhead.
ResourceAmounts pod_amounts(const json::Tree& pod, std::string_view member);

void add(ResourceAmounts& to, const ResourceAmounts& more);
// The larger of both, one by one.
void raise(ResourceAmounts& to, const ResourceAmounts& other);

}  // namespace gantry::kube::admission
