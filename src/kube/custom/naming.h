// SPDX-License-Identifier: Apache-2.0
//
// The status of a CustomResourceDefinition: whether its names are free in its group, which of its versions
// have been stored, and whether it is served (https://kubernetes.io/docs/reference/kubernetes-api/
// extend-resources/custom-resource-definition-v1/).
#pragma once

#include <span>
#include <string_view>

#include "base/json_tree.h"

namespace gantry::kube::custom {

// Whether its condition Established is true.
bool is_established(const json::Tree& definition);

// Brings status to what follows from the specification: names that no other definition of the group has are
// accepted; with all of them accepted it is established, and stays so. `now` as metav1.Time.
void settle_status(json::Tree& definition, std::span<const json::Tree> all, std::string_view now);

}  // namespace gantry::kube::custom
