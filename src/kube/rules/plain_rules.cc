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
    {.group = "apps", .kind = "ControllerRevision"},
    {.group = "admissionregistration.k8s.io", .kind = "MutatingAdmissionPolicy", .counts_generations = true},
    {.group = "admissionregistration.k8s.io",
     .kind = "MutatingAdmissionPolicyBinding",
     .counts_generations = true},
    {.group = "admissionregistration.k8s.io",
     .kind = "ValidatingAdmissionPolicy",
     .counts_generations = true},
    {.group = "admissionregistration.k8s.io",
     .kind = "ValidatingAdmissionPolicyBinding",
     .counts_generations = true},
    {.group = "authentication.k8s.io", .kind = "SelfSubjectReview", .name_faults = nullptr},
    {.group = "authentication.k8s.io", .kind = "TokenReview", .name_faults = nullptr},
    {.group = "authorization.k8s.io", .kind = "LocalSubjectAccessReview", .name_faults = nullptr},
    {.group = "authorization.k8s.io", .kind = "SelfSubjectAccessReview", .name_faults = nullptr},
    {.group = "authorization.k8s.io", .kind = "SelfSubjectRulesReview", .name_faults = nullptr},
    {.group = "authorization.k8s.io", .kind = "SubjectAccessReview", .name_faults = nullptr},
    {.group = "certificates.k8s.io", .kind = "ClusterTrustBundle"},
    {.group = "flowcontrol.apiserver.k8s.io", .kind = "FlowSchema", .counts_generations = true},
    {.group = "flowcontrol.apiserver.k8s.io",
     .kind = "PriorityLevelConfiguration",
     .counts_generations = true},
    {.group = "networking.k8s.io", .kind = "IPAddress", .name_faults = ip_faults},
    {.group = "networking.k8s.io", .kind = "ServiceCIDR"},
    {.group = "storage.k8s.io", .kind = "CSIDriver"},
    {.group = "storage.k8s.io", .kind = "CSINode"},
    {.group = "storage.k8s.io", .kind = "CSIStorageCapacity"},
    {.group = "storage.k8s.io", .kind = "VolumeAttachment"},
    {.group = "storage.k8s.io", .kind = "VolumeAttributesClass"},
};

}  // namespace

std::span<const KindRules> plain_rules() { return kRules; }

}  // namespace gantry::kube::rules
