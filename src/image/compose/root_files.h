// SPDX-License-Identifier: Apache-2.0
//
// What a description adds to the packages' files: users, and files of its own. Writes below a directory and
// never through a link out of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/compose/description.h"
#include "kernel/rooted_path.h"

namespace gantry::image {

// Into passwd, group and shadow, with homes. `epoch`: when passwords were last changed. AlreadyExists,
// NotFound (a group).
Result<void> add_users(const kernel::RootDir& root, const std::vector<ComposedUser>& users,
                       std::int64_t epoch);

// Whether the files that will be copied are there, before anything is done that takes long. `base`: the
// directory that sources are relative to.
Result<void> check_sources(const std::vector<ComposedFile>& files, const std::string& base);

Result<void> add_files(const kernel::RootDir& root, const std::vector<ComposedFile>& files,
                       const std::string& base);

// Takes away what differs from one composition to the next and belongs to no package: names of this host,
// logs, caches, ids of machines.
Result<void> remove_traces(const kernel::RootDir& root);

// No file is younger than that, in seconds since 1970.
Result<void> clamp_times(const kernel::RootDir& root, std::int64_t epoch);

}  // namespace gantry::image
