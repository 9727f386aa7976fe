// SPDX-License-Identifier: Apache-2.0
//
// Signed JSON Web Tokens (RFC 7519, RFC 7515 compact form). Parsing trusts nothing; what a token says counts
// only once verify() has been asked with a key of its issuer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_tree.h"
#include "kube/identity/key.h"

namespace gantry::kube {

inline constexpr std::size_t kMaxToken = 16 << 10;  // bytes

struct Jwt {
  std::string algorithm;  // "ES256"
  std::string key_id;     // may be empty
  json::Tree claims;      // an object
  std::string signed_part;
  std::string signature;

  // InvalidArgument for text that is none; errors never quote it.
  static Result<Jwt> parse(std::string_view token);

  bool is_signed_by(const Key& key) const { return key.verify(algorithm, signed_part, signature); }

  std::string_view issuer() const { return claims.text_at("iss"); }
  std::string_view subject() const { return claims.text_at("sub"); }
  std::vector<std::string> audiences() const;
  // Seconds since 1970, nothing if it does not say.
  std::optional<std::int64_t> expires() const { return time_of("exp"); }
  std::optional<std::int64_t> not_before() const { return time_of("nbf"); }
  std::optional<std::int64_t> issued() const { return time_of("iat"); }

 private:
  std::optional<std::int64_t> time_of(std::string_view claim) const;
};

Result<std::string> sign_jwt(const Key& key, const json::Tree& claims);

// PermissionDenied if it has expired, is not valid yet, or does not say when it expires. Clocks may differ by
// `tolerance` seconds.
Result<void> check_times(const Jwt& token, std::int64_t now, std::int64_t tolerance = 60);

// Those of `wanted` that the token is for.
std::vector<std::string> common_audiences(const std::vector<std::string>& wanted,
                                          const std::vector<std::string>& given);

}  // namespace gantry::kube
