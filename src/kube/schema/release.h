// SPDX-License-Identifier: Apache-2.0
//
// The release of Kubernetes whose API this is.
#pragma once

#include <string_view>

namespace gantry::kube {

inline constexpr std::string_view kReleaseMajor = "1";
inline constexpr std::string_view kReleaseMinor = "36";

}  // namespace gantry::kube
