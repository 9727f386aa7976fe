// SPDX-License-Identifier: Apache-2.0
//
// Who signs certificates ("example.com/signer"), and bundles of those that are trusted to sign for him
// (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/).
#pragma once

#include <string_view>

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

void signer_name(const Spot& name);
// One of Kubernetes' own.
bool is_kubernetes_signer(std::string_view name);

// Of a ClusterTrustBundle whose signer is this one; empty: it has none.
Faults trust_bundle_name_faults(std::string_view name, std::string_view signer);
// "example.com/signer" of "example.com:signer:name"; empty if it has none.
std::string signer_of_trust_bundle(std::string_view name);

}  // namespace gantry::kube::rules
