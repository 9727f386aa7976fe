// SPDX-License-Identifier: Apache-2.0
//
// What contexts that are directories have in common.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "kernel/rooted_path.h"

namespace gantry::build {

// The file `path`, behind links that stay inside; nothing if it is not there.
Result<std::optional<std::string>> read_context_file(const kernel::RootDir& root, const std::string& path,
                                                     std::size_t limit);

}  // namespace gantry::build
