// SPDX-License-Identifier: Apache-2.0
//
// "container:NAME": the modes of HostConfig that mean another container's namespace.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry::engine {

// The other container; empty for every other mode.
inline std::optional<std::string_view> joined_container(std::string_view mode) {
  constexpr std::string_view kPrefix = "container:";
  if (!mode.starts_with(kPrefix)) return std::nullopt;
  return mode.substr(kPrefix.size());
}

}  // namespace gantry::engine
