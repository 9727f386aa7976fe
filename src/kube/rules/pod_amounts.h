// SPDX-License-Identifier: Apache-2.0
//
// What a pod asks for as a whole
// (https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers).
// From any thread.
#pragma once

#include <string_view>

#include "base/json_tree.h"
#include "kube/api/resource_amounts.h"

namespace gantry::kube::rules {

// `member`: "requests" or "limits". What the containers of a pod's spec need at most at one time: all that
// run side by side, or the hungriest step of their preparation where that is more.
ResourceAmounts amounts_of_containers(const json::Tree& spec, std::string_view member);
// That, or what the pod says of itself in its place, and its overhead.
ResourceAmounts amounts_of_pod(const json::Tree& pod, std::string_view member);

}  // namespace gantry::kube::rules
