// SPDX-License-Identifier: Apache-2.0
#include "engine/mount_origin.h"

#include "kernel/rooted_path.h"

namespace gantry::engine {

MountOrigin origin_of(const MountPoint& point, const ContainerSettings& settings) {
  for (const container::Mount& mount : settings.host_config.mounts)
    if (kernel::clean_path(mount.target) == point.destination) return {.mount = &mount};
  for (const std::string& text : settings.host_config.binds) {
    const Result<BindSpec> spec = parse_bind(text);  // was checked when it was planned
    if (spec && spec->target == point.destination) return {.bind = spec->words};
  }
  for (const auto& [path, nothing] : settings.config.volumes)
    if (point.type == "volume" && kernel::clean_path(path) == point.destination)
      return {.is_image_volume = true};
  return {};
}

const std::string& subpath_of(const container::Mount& mount) {
  static const std::string kAll;
  if (mount.volume_options) return mount.volume_options->subpath;
  return mount.image_options ? mount.image_options->subpath : kAll;
}

}  // namespace gantry::engine
