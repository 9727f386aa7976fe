// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "engine/mount_origin.h"
#include "engine/mount_points.h"
#include "engine/volume_mounts.h"
#include "kernel/mount.h"
#include "kernel/rooted_path.h"

namespace gantry::engine {
namespace {

using kernel::Depth;
using kernel::DetachedMount;

// Read-only all the way down, unless it was asked otherwise (Docker since API 1.44).
void add_access(std::vector<std::string>& options, const MountPoint& point,
                const container::BindOptions& bind) {
  if (!point.rw) options.push_back(bind.read_only_non_recursive ? "ro" : "rro");
}

Result<oci::Mount> resolve_bind(const MountPoint& point, const MountOrigin& origin) {
  const container::BindOptions options = origin.mount != nullptr
                                             ? origin.mount->bind_options.value_or(container::BindOptions{})
                                             : container::BindOptions{.create_mountpoint = true};
  struct stat st{};
  if (::stat(point.source.c_str(), &st) < 0) {
    if (errno != ENOENT || !options.create_mountpoint)
      return sys_error("bind source path '{}'", point.source);
    TRY_DURING(make_directories(point.source, 0755), "make bind source path '{}'", point.source);
  }
  oci::Mount mount{.destination = point.destination, .type = "bind", .source = point.source};
  mount.options.push_back(options.non_recursive ? "bind" : "rbind");
  add_access(mount.options, point, options);
  mount.options.push_back(point.propagation.empty() ? "rprivate" : point.propagation);
  return mount;
}

// Docker's defaults, then what was asked for: of two words that contradict each other the later one counts.
oci::Mount resolve_tmpfs(const MountPoint& point, const container::TmpfsOptions& tmpfs) {
  oci::Mount mount{.destination = point.destination,
                   .type = "tmpfs",
                   .source = "tmpfs",
                   .options = {"noexec", "nosuid", "nodev"}};
  if (!point.rw) mount.options.push_back("ro");
  if (tmpfs.mode != 0) mount.options.push_back(fmt::format("mode={:o}", tmpfs.mode));
  if (tmpfs.size_bytes > 0) mount.options.push_back(fmt::format("size={}", tmpfs.size_bytes));
  for (const std::vector<std::string>& option : tmpfs.options)
    if (!option.empty()) mount.options.push_back(fmt::format("{}", fmt::join(option, "=")));
  return mount;
}

// Mounts the part of the volume at a place of ours, which nobody can turn into a link meanwhile.
Result<std::string> pin_subpath(const std::string& volume, const std::string& subpath,
                                const std::string& place) {
  const auto root = TRY(kernel::RootDir::open(volume));
  const UniqueFd part = TRY_DURING(root.open_path(subpath, O_PATH), "subpath '{}' of the volume", subpath);
  struct stat st{};
  if (::fstat(part.get(), &st) < 0) return sys_error("look at subpath '{}'", subpath);
  UniqueFd target;
  if (S_ISDIR(st.st_mode)) {
    TRY(make_directories(place, 0700));
    target = TRY(open_at(AT_FDCWD, place, O_PATH | O_DIRECTORY));
  } else {
    target = TRY(open_at(AT_FDCWD, place, O_RDONLY | O_CREAT, 0600));
  }
  auto mount = TRY(DetachedMount::copy_of(part.get(), "", Depth::Tree));
  TRY(mount.attach_to(target.get()));
  return place;
}

Result<oci::Mount> resolve_volume(const MountPoint& point, const MountOrigin& origin, const std::string& id,
                                  const std::string& place, Volumes& volumes) {
  oci::Mount mount{.destination = point.destination, .type = "bind", .options = {"rbind"}};
  mount.source = TRY(volumes.mount(point.name, id));
  if (origin.mount != nullptr && origin.mount->volume_options &&
      !origin.mount->volume_options->subpath.empty()) {
    mount.source = TRY_DURING(pin_subpath(mount.source, origin.mount->volume_options->subpath, place),
                              "mount volume '{}'", point.name);
  }
  add_access(mount.options, point, {});
  mount.options.push_back("rprivate");
  return mount;
}

// A mount of an earlier start that was not released: its daemon was killed.
void clear_scratch(const std::string& scratch) {
  const Result<std::vector<std::string>> mounted = mount_points_below(scratch);
  if (!mounted) return;
  for (const std::string& path : *mounted) (void)::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  // Where something is mounted nevertheless, only rmdir(2) and unlink(2) may find that out.
  const Result<std::vector<std::string>> names = names_in(AT_FDCWD, scratch);
  if (!names) return;
  for (const std::string& name : *names) {
    const std::string path = scratch + "/" + name;
    if (::unlink(path.c_str()) < 0) (void)::rmdir(path.c_str());
  }
  (void)::rmdir(scratch.c_str());
}

bool has_scratch(const std::string& scratch) { return ::access(scratch.c_str(), F_OK) == 0; }

}  // namespace

Result<std::vector<oci::Mount>> resolve_mounts(const std::string& id, const ContainerSettings& settings,
                                               const std::string& scratch, Volumes& volumes) {
  if (has_scratch(scratch)) clear_scratch(scratch);
  std::vector<oci::Mount> mounts;
  for (const MountPoint& point : settings.mounts) {
    const MountOrigin origin = origin_of(point, settings);
    if (point.type == "volume") {
      const bool has_part = origin.mount != nullptr && origin.mount->volume_options &&
                            !origin.mount->volume_options->subpath.empty();
      if (has_part) TRY(make_directories(scratch, 0700));
      mounts.push_back(
          TRY(resolve_volume(point, origin, id, fmt::format("{}/{}", scratch, mounts.size()), volumes)));
    } else if (point.type == "tmpfs") {
      const bool has_options = origin.mount != nullptr && origin.mount->tmpfs_options.has_value();
      mounts.push_back(
          resolve_tmpfs(point, has_options ? *origin.mount->tmpfs_options : container::TmpfsOptions{}));
    } else {
      mounts.push_back(TRY(resolve_bind(point, origin)));
    }
  }
  // "/a" sorts before "/a/b".
  std::ranges::sort(mounts, {}, &oci::Mount::destination);  // no two are at the same place
  return mounts;
}

void release_mounts(const std::string& id, const std::vector<MountPoint>& mounts, const std::string& scratch,
                    Volumes& volumes) {
  if (has_scratch(scratch)) clear_scratch(scratch);
  for (const MountPoint& point : mounts)
    if (point.type == "volume") volumes.unmount(point.name, id);
}

}  // namespace gantry::engine
