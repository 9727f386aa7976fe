// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace gantry::build {

// What stands behind the last slash.
inline std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace gantry::build
