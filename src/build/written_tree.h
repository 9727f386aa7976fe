// SPDX-License-Identifier: Apache-2.0
//
// Walks over all that a step has written. No link is followed.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace gantry::build {

// Files that were changed later than `latest` (seconds since 1970) were changed then.
Result<void> limit_times(int directory, std::int64_t latest);

// Bytes of the files, each once however many names it has.
Result<std::uint64_t> tree_size(int directory);

}  // namespace gantry::build
