// SPDX-License-Identifier: Apache-2.0
//
// What an object costs of its namespace's ResourceQuotas, by the names that quotas have for it
// (https://kubernetes.io/docs/concepts/policy/resource-quotas/).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/resource_amounts.h"
#include "kube/schema/resource.h"

namespace gantry::kube::admission {

// An object that has ended costs nothing but its own count.
ResourceAmounts usage_of(const Resource& resource, const json::Tree& object);

// Whether the scopes of a quota (spec.scopes, spec.scopeSelector) are about this object.
bool is_in_scope(const json::Tree& quota, const Resource& resource, const json::Tree& object);

// "limits.cpu for: web": what a quota with these limits wants a pod's containers to say, and they do not.
std::vector<std::string> unsaid_amounts(const ResourceAmounts& hard, const json::Tree& pod);

}  // namespace gantry::kube::admission
