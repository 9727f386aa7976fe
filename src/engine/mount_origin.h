// SPDX-License-Identifier: Apache-2.0
//
// Which of a container's settings a mount point comes from: what inspect shows of it leaves out the options
// that only matter while it is mounted.
#pragma once

#include <optional>

#include "container/settings.h"
#include "engine/bind_spec.h"
#include "engine/container_record.h"

namespace gantry::engine {

struct MountOrigin {
  const container::Mount* mount = nullptr;  // of HostConfig.Mounts
  std::optional<BindMode> bind;             // of HostConfig.Binds
  bool is_image_volume = false;             // of the image's, or asked for by path alone
  // None of these: it is another container's, by HostConfig.VolumesFrom.
};
MountOrigin origin_of(const MountPoint& point, const ContainerSettings& settings);

// The part of its volume or image that is mounted; empty: all of it.
const std::string& subpath_of(const container::Mount& mount);

}  // namespace gantry::engine
