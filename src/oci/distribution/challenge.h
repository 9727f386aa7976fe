// SPDX-License-Identifier: Apache-2.0
//
// WWW-Authenticate: how a server says what it wants to see.
//
//   for (const Challenge& challenge : TRY(parse_challenges(header)))
//     if (challenge.scheme == "bearer") realm = challenge.parameter("realm");
//
// RFC 9110, section 11.6.1; several challenges may stand in one header, and several headers in one answer.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gantry::oci {

inline constexpr std::size_t kMaxChallengeBytes = 16 << 10;

struct Challenge {
  std::string scheme;                                           // in lower case: "basic", "bearer"
  std::string token68;                                          // instead of parameters: "Negotiate YII="
  std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case, values unquoted

  // Null if there is none of that name (in lower case).
  const std::string* parameter(std::string_view name) const;

  friend bool operator==(const Challenge&, const Challenge&) = default;
};

// A parameter that stands twice in one challenge is an error: two readers could take different ones.
Result<std::vector<Challenge>> parse_challenges(std::string_view header);

// As one value of the header.
std::string to_header(const Challenge& challenge);

}  // namespace gantry::oci
