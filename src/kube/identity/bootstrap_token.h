// SPDX-License-Identifier: Apache-2.0
//
// Bootstrap tokens, "abcdef.0123456789abcdef": secrets bootstrap-token-abcdef in kube-system
// (https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/).
#pragma once

#include "kube/api/object_source.h"
#include "kube/identity/token_authenticator.h"

namespace gantry::kube {

class BootstrapTokens final : public TokenAuthenticator {
 public:
  // `objects` outlives this.
  explicit BootstrapTokens(const ObjectSource& objects) : objects_(objects) {}
  Result<std::optional<TokenIdentity>> identify(std::string_view token,
                                                const std::vector<std::string>& audiences,
                                                std::int64_t now) const override;

 private:
  const ObjectSource& objects_;
};

}  // namespace gantry::kube
