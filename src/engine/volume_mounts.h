// SPDX-License-Identifier: Apache-2.0
//
// From what a container asks for (Binds, Mounts, VolumesFrom, an image's Volumes) to what is mounted: planned
// once at create, resolved at each start.
//
//   PlannedMounts plan = TRY(plan_mounts(id, config, host_config, volumes, find));   // create
//   if (needs_contents(settings, volumes)) TRY(fill_volumes(rootfs, settings, volumes));
//   std::vector<oci::Mount> mounts = TRY(resolve_mounts(id, settings, scratch, volumes));  // start
//   release_mounts(id, settings.mounts, scratch, volumes);                                 // after its end
//   forget_mounts(id, settings.mounts, volumes);                                           // removed
//
// `scratch` is a directory of the container's own (<run>/mounts/<id>), made when something needs it: images
// and parts of volumes are mounted there, because a path into a volume may lead elsewhere when it is used.
//
// HostConfig.Tmpfs is not in here: it names nothing outside of the container (container/).
//
// Rules are Docker's: Binds and Mounts must not have the same target twice; they win over VolumesFrom, and
// all of them over the image's Volumes. A missing source is made for Binds only (and where CreateMountpoint
// is set). An empty volume gets what the image has in its place, with the directory's owner and mode.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "container/settings.h"
#include "engine/container_record.h"
#include "engine/volumes.h"
#include "kernel/mount.h"
#include "oci/runtime_spec.h"

namespace gantry::engine {

struct PlannedMounts {
  std::vector<MountPoint> mounts;  // by destination
  std::vector<std::string> anonymous_volumes;
  std::vector<VolumeRef> new_volumes;  // made by this call: for events
};

using FindContainer = std::function<Result<ContainerRef>(std::string_view ref)>;

// Makes volumes that are missing and adds the container as a user of all. On failure nothing has changed,
// but for volumes with a name that were made.
Result<PlannedMounts> plan_mounts(const std::string& id, const container::Config& config,
                                  const container::HostConfig& host_config, Volumes& volumes,
                                  const FindContainer& find);

// Whether a volume of the container may have to be filled from its root file system.
bool needs_contents(const ContainerSettings& settings, const Volumes& volumes);
// Copies what the container's root file system (`rootfs`, a directory; nothing mounted in it) has in the
// place of each empty volume into it. Links are resolved inside the root, and copied as links.
// InvalidArgument where the root has a file in the place of a volume.
Result<void> fill_volumes(int rootfs, const ContainerSettings& settings, Volumes& volumes);

// The file system of the image that is mounted at settings.mounts[place].
using MountImage = std::function<Result<kernel::DetachedMount>(std::size_t place)>;

// What mounts come from.
struct MountSources {
  Volumes& volumes;
  MountImage mount_image = {};  // needed if there are mounts of type "image"
};
// Mounts as the runtime is told of them, parents before what is mounted in them. Mounts volumes and looks at
// sources of the host, so it blocks as long as a server of one of them does. NotFound when a source is
// missing. Whoever calls it calls release_mounts() after the container's end, also after a failure.
Result<std::vector<oci::Mount>> resolve_mounts(const std::string& id, const ContainerSettings& settings,
                                               const std::string& scratch, const MountSources& sources);
// The container does not run (any more).
void release_mounts(const std::string& id, const std::vector<MountPoint>& mounts, const std::string& scratch,
                    Volumes& volumes);
// The container is gone, or could not be made.
void forget_mounts(const std::string& id, const std::vector<MountPoint>& mounts, Volumes& volumes);

}  // namespace gantry::engine
