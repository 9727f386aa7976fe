// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/api/object_source.h"
#include "kube/http/served.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

inline constexpr const char* kValidatingPolicies = "admissionregistration.k8s.io/validatingadmissionpolicies";

// Writes into the status of each ValidatingAdmissionPolicy what is probably wrong with it
// (kube/policy/type_checks.h), once for each generation. True: not all could be written.
bool check_policy_types(const Verbs& verbs, const ObjectSource& objects, const Served& served);

}  // namespace gantry::kube
