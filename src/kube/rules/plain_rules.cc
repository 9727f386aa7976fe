// SPDX-License-Identifier: Apache-2.0
//
// Kinds of which nothing is asked but what their schema and metadata's rules say.
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

constexpr KindRules kRules[] = {
    {.group = "", .kind = "Binding"},
    {.group = "", .kind = "ComponentStatus"},
    {.group = "", .kind = "ServiceAccount"},
    {.group = "authentication.k8s.io", .kind = "SelfSubjectReview", .name_faults = nullptr},
    {.group = "authentication.k8s.io", .kind = "TokenReview", .name_faults = nullptr},
    {.group = "authorization.k8s.io", .kind = "LocalSubjectAccessReview", .name_faults = nullptr},
    {.group = "authorization.k8s.io", .kind = "SelfSubjectAccessReview", .name_faults = nullptr},
    {.group = "authorization.k8s.io", .kind = "SelfSubjectRulesReview", .name_faults = nullptr},
    {.group = "authorization.k8s.io", .kind = "SubjectAccessReview", .name_faults = nullptr},
    {.group = "certificates.k8s.io", .kind = "ClusterTrustBundle"},
};

}  // namespace

std::span<const KindRules> plain_rules() { return kRules; }

}  // namespace gantry::kube::rules
