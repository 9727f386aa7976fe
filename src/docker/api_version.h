// SPDX-License-Identifier: Apache-2.0
//
// Versions of the Docker Engine API: a path begins with the one its client speaks ("/v1.41/containers/json"),
// or has none and means the newest.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::docker {

struct ApiVersion {
  int major = 1;
  int minor = 0;

  auto operator<=>(const ApiVersion&) const = default;
  std::string str() const;
  // "1.41". Nullopt for other text.
  static std::optional<ApiVersion> parse(std::string_view text);
};

inline constexpr ApiVersion kOldestVersion{1, 24};
inline constexpr ApiVersion kNewestVersion{1, 51};

// The Docker Engine whose behaviour and newest API version this is: clients compare it with versions that
// they know to lack something, so what stands at "Version" has to be comparable to those.
inline constexpr std::string_view kEngineVersion = "28.5.2";

}  // namespace gantry::docker
