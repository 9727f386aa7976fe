// SPDX-License-Identifier: Apache-2.0
//
// The Pod Security Standards: what a pod may ask of its node
// (https://kubernetes.io/docs/concepts/security/pod-security-standards/), as one version of them has it: who
// pins one is not surprised by what a later one adds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"

namespace gantry::kube::admission {

enum class SecurityLevel : std::uint8_t { Privileged, Baseline, Restricted };

std::optional<SecurityLevel> parse_security_level(std::string_view text);

// The version as the number behind "v1.". A later one than is known here means this one.
inline constexpr int kLatestStandard = 1000;
// Of "latest" or "v1.25".
std::optional<int> parse_standard_version(std::string_view text);

// "privileged (container "web" must not set securityContext.privileged=true)": everything that a pod, or a
// template of one, has against the level. Empty: nothing.
std::vector<std::string> security_violations(SecurityLevel level, int version, const json::Tree& pod);

}  // namespace gantry::kube::admission
