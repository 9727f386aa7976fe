// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/mount_origin.h"
#include "engine/volume_mounts.h"
#include "kernel/copy_up.h"
#include "kernel/rooted_path.h"

namespace gantry::engine {
namespace {

bool is_to_be_filled(const MountPoint& point, const ContainerSettings& settings) {
  if (point.type != "volume") return false;
  const MountOrigin origin = origin_of(point, settings);
  if (origin.bind) return !origin.bind->no_copy;
  if (origin.mount != nullptr) {
    const auto& options = origin.mount->volume_options;
    return !options || (!options->no_copy && options->subpath.empty());
  }
  return origin.is_image_volume;
}

bool is_empty(const std::string& name, const Volumes& volumes) {
  const Result<UniqueFd> data = volumes.open_directory(name);
  if (!data) return false;
  const Result<std::vector<std::string>> names = names_in(data->get(), ".");
  return names && names->empty();
}

// With the owner and mode of what it is copied from.
Result<void> copy_directory(int from, int to) {
  TRY(kernel::copy_up(from, to));
  struct stat st{};
  if (::fstat(from, &st) < 0) return sys_error("look at the directory");
  if (::fchown(to, st.st_uid, st.st_gid) < 0) return sys_error("set owner");
  if (::fchmod(to, st.st_mode & 07777) < 0) return sys_error("set mode");
  return {};
}

Result<void> fill_volume(const kernel::RootDir& root, const MountPoint& point, Volumes& volumes) {
  Result<UniqueFd> from = root.open_path(point.destination, O_RDONLY | O_DIRECTORY);
  if (!from && from.error().errno_value() == ENOENT) return {};
  if (!from && from.error().errno_value() == ENOTDIR)
    return error(Code::InvalidArgument, "cannot mount volume over existing file, file exists {}",
                 point.destination);
  if (!from) return std::move(from).error();
  return volumes.fill(point.name, [&](int to) { return copy_directory(from->get(), to); });
}

}  // namespace

bool needs_contents(const ContainerSettings& settings, const Volumes& volumes) {
  for (const MountPoint& point : settings.mounts) {
    if (!is_to_be_filled(point, settings)) continue;
    const Result<VolumeRef> volume = volumes.find(point.name);
    // Whether one that is not mounted yet is empty, only mounting it shows.
    if (volume && ((*volume)->has_mount() || is_empty(point.name, volumes))) return true;
  }
  return false;
}

Result<void> fill_volumes(int rootfs, const ContainerSettings& settings, Volumes& volumes) {
  const kernel::RootDir root(TRY(open_at(rootfs, ".", O_PATH | O_DIRECTORY)));
  for (const MountPoint& point : settings.mounts)
    if (is_to_be_filled(point, settings)) TRY(fill_volume(root, point, volumes));
  return {};
}

}  // namespace gantry::engine
