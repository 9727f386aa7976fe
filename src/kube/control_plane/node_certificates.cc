// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/node_certificates.h"

#include <ctime>

#include "kube/control_plane/own_writes.h"
#include "kube/identity/certificate_signing.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {

bool sign_requests(const Verbs& verbs, const ObjectSource& objects, const Authority& authority,
                   const Authorizer& authorizer) {
  const Resource& resource =
      *Catalog::built_in().find_kind("certificates.k8s.io", "v1", "CertificateSigningRequest");
  bool is_to_look_again = false;
  for (const json::Tree& request : objects.list(kSigningRequests, "")) {
    const std::int64_t now = std::time(nullptr);
    if (const auto approved = approve(authorizer, request, now)) {
      is_to_look_again |= !update_own(verbs, resource, *approved, "approval");
      continue;  // there will be news of it
    }
    const auto done = sign(authority, request, now);
    if (!done)
      is_to_look_again = true;
    else if (*done)
      is_to_look_again |= !update_own(verbs, resource, **done, "status");
  }
  return is_to_look_again;
}

}  // namespace gantry::kube
