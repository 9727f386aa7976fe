// SPDX-License-Identifier: Apache-2.0
//
// Images that a container has mounted (`--mount type=image`): the file system of each, read-only. Every one
// has a snapshot of its own, "container/<id>/<place among the mounts>", which keeps the image's layers as
// long as the container is there, whatever becomes of the image's name.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/core.h"
#include "engine/volume_mounts.h"

namespace gantry::engine {

// At create. NotFound "No such image: x". After a failure remove_image_mounts() takes back what there is.
Result<void> prepare_image_mounts(Core& core, const std::string& id, const ContainerSettings& settings);
Result<void> remove_image_mounts(Core& core, const std::string& id, const std::vector<MountPoint>& mounts);

// For resolve_mounts().
MountImage image_mounter(Core& core, const std::string& id);

// Keys of the snapshots.
std::vector<std::string> image_mount_keys(const std::string& id, const std::vector<MountPoint>& mounts);

}  // namespace gantry::engine
