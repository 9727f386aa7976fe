// SPDX-License-Identifier: Apache-2.0
//
// CertificateSigningRequests of the stock signers (https://kubernetes.io/docs/reference/access-authn-authz/
// certificate-signing-requests/#kubernetes-signers): whether one may be approved without asking anybody, and
// the certificate for one that was approved.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/json_tree.h"
#include "kube/access/authorizer.h"
#include "kube/identity/certificate.h"

namespace gantry::kube {

inline constexpr const char* kClientSigner = "kubernetes.io/kube-apiserver-client";
inline constexpr const char* kNodeClientSigner = "kubernetes.io/kube-apiserver-client-kubelet";
inline constexpr const char* kNodeServingSigner = "kubernetes.io/kubelet-serving";

// The request with its certificate, or with the condition Failed when its signer must not sign it; nothing if
// it is not for us, not approved, or done. `now`: seconds since 1970.
Result<std::optional<json::Tree>> sign(const Authority& authority, const json::Tree& request,
                                       std::int64_t now,
                                       std::chrono::seconds longest = std::chrono::hours(24 * 365));

// The request with the condition Approved: a node's own client certificate, if whoever asks may create
// certificatesigningrequests/nodeclient or /selfnodeclient. Nothing: somebody has to decide.
std::optional<json::Tree> approve(const Authorizer& authorizer, const json::Tree& request, std::int64_t now);

}  // namespace gantry::kube
