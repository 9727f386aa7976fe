// SPDX-License-Identifier: Apache-2.0
//
// What a container has changed in its file system, as `docker diff` lists it: without the empty files and
// directories that are there only because something is mounted on them.
//
//   for (const image::Change& change : TRY(container_changes(parts, placeholders()))) ...
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/layer_diff.h"
#include "image/snapshots.h"

namespace gantry::engine {

// Paths on which something is mounted in every container: "/proc", "/etc/hosts", ... What is made for the
// volumes of one is listed, as Docker does.
std::set<std::string> placeholders();

// Sorted by path. A directory that only got placeholders is not in it.
Result<std::vector<image::Change>> container_changes(const image::Snapshots::Parts& parts,
                                                     const std::set<std::string>& placeholders);

}  // namespace gantry::engine
