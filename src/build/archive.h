// SPDX-License-Identifier: Apache-2.0
//
// Tars that ADD unpacks, as they are or compressed by gzip, zstd, bzip2 or xz; the last two are read by their
// own programs.
#pragma once

#include "base/error.h"
#include "build/file_entry.h"

namespace gantry::build {

// By what is in it, whatever it is called.
Result<bool> is_archive(const FileEntry& entry);

// Into an empty directory. Nothing outside of it is touched; device files, owners and times are kept.
Result<void> unpack_archive(const FileEntry& entry, int directory);

}  // namespace gantry::build
