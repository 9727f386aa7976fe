// SPDX-License-Identifier: Apache-2.0
//
// The root file system of a container: its snapshot over the layers of its image, attached nowhere.
#pragma once

#include "base/error.h"
#include "engine/container_record.h"
#include "engine/core.h"
#include "kernel/overlay.h"

namespace gantry::engine {

// Layers that a crash of the host took (image/snapshots.h) are unpacked again from the image's blobs.
// NotFound: there is no snapshot, or the image is gone as well.
Result<kernel::OverlayMount> mount_root(Core& core, const ContainerRecord& record);

}  // namespace gantry::engine
