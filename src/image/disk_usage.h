// SPDX-License-Identifier: Apache-2.0
//
// What a directory tree takes on disk.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace gantry::image {

struct DiskUsage {
  std::uint64_t bytes = 0;   // st_blocks of everything, hard links once
  std::uint64_t inodes = 0;  // likewise
};

// Of the directory `path` below `dir` with everything in it. No link is followed, and what goes away
// meanwhile is left out. NotFound if it is not there.
Result<DiskUsage> disk_usage(int dir, const std::string& path);

}  // namespace gantry::image
