// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/access/authorizer.h"
#include "kube/api/object_source.h"
#include "kube/identity/certificate.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

inline constexpr const char* kSigningRequests = "certificates.k8s.io/certificatesigningrequests";

// Requests of node agents for their own certificates are approved, and approved requests of the stock signers
// get their certificates (kube/identity/certificate_signing.h). One step of a Reconciler over
// kSigningRequests.
bool sign_requests(const Verbs& verbs, const ObjectSource& objects, const Authority& authority,
                   const Authorizer& authorizer);

}  // namespace gantry::kube
