// SPDX-License-Identifier: Apache-2.0
//
// The Pod Security Standards: what a pod may ask of its node
// (https://kubernetes.io/docs/concepts/security/pod-security-standards/), as their latest version has it.
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

// "privileged (container "web" must not set securityContext.privileged=true)": everything that a pod, or a
// template of one, has against the level. Empty: nothing.
std::vector<std::string> security_violations(SecurityLevel level, const json::Tree& pod);

}  // namespace gantry::kube::admission
