// SPDX-License-Identifier: Apache-2.0
//
// A container's root file system as a flat tar, as `docker export` gives it: without what is mounted in it.
// It may run and change meanwhile: what goes away is left out.
#pragma once

#include "base/byte_stream.h"
#include "base/error.h"
#include "kernel/id_map.h"

namespace gantry::engine {

// `root` is the directory where the container's overlay is mounted (O_PATH will do). `id_maps` are those of
// its user namespace, or empty.
Result<void> export_root(int root, ByteSink& tar, const kernel::IdMaps& id_maps = {});

}  // namespace gantry::engine
