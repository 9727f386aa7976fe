// SPDX-License-Identifier: Apache-2.0
//
// --token-auth-file: lines of token,user,uid and, in quotes, groups
// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file).
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "kube/identity/token_authenticator.h"

namespace gantry::kube {

class TokenFile final : public TokenAuthenticator {
 public:
  // InvalidArgument with the line's number; never with what is in it.
  static Result<std::shared_ptr<const TokenFile>> parse(std::string_view csv);
  static Result<std::shared_ptr<const TokenFile>> load(const std::string& file);

  Result<std::optional<TokenIdentity>> identify(std::string_view token,
                                                const std::vector<std::string>& audiences,
                                                std::int64_t now) const override;

 private:
  std::unordered_map<std::string, User> users_;  // by the token's SHA-256
};

}  // namespace gantry::kube
