// SPDX-License-Identifier: Apache-2.0
//
// What a bearer token allows: "repository:library/busybox:pull,push", "registry:catalog:*". Also what a token
// server answers.
//
// https://distribution.github.io/distribution/spec/auth/scope/ and .../auth/token/
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::oci {

struct Scope {
  std::string type;                  // "repository"; with a class, "repository(plugin)"
  std::string name;                  // may hold a registry with a port
  std::vector<std::string> actions;  // sorted, each once

  static Result<Scope> parse(std::string_view text);
  static Scope repository(std::string_view name, std::vector<std::string> actions);

  std::string str() const;
  // Whether a token for this one also serves `wanted`.
  bool covers(const Scope& wanted) const;

  friend bool operator==(const Scope&, const Scope&) = default;
};

// Scopes with spaces between them, as challenges and OAuth2 requests have them.
Result<std::vector<Scope>> parse_scopes(std::string_view text);
std::string to_string(const std::vector<Scope>& scopes);

inline constexpr std::size_t kMaxTokenBytes = 1 << 20;  // of the whole answer

struct TokenResponse {
  std::string token;                    // also where the server calls it access_token
  std::string refresh_token;            // empty: none
  std::chrono::seconds expires_in{60};  // what the specification says where the server says nothing
  std::string issued_at;                // RFC 3339; empty: when the answer came
};

Result<TokenResponse> parse_token_response(std::string_view json);
std::string to_json(const TokenResponse& response);

}  // namespace gantry::oci
