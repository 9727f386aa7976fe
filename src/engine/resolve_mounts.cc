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
  const UniqueFd part = TRY_DURING(root.open_path(subpath, O_PATH), "subpath '{}'", subpath);
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

std::string part_of(const MountOrigin& origin) {
  return origin.mount == nullptr ? std::string() : subpath_of(*origin.mount);
}

// One container's mounts being resolved, one by one.
class Resolution {
 public:
  Resolution(const std::string& id, const ContainerSettings& settings, const std::string& scratch,
             const MountSources& sources)
      : id_(id), settings_(settings), scratch_(scratch), sources_(sources) {}

  Result<oci::Mount> resolve(std::size_t place) const {
    const MountPoint& point = settings_.mounts[place];
    const MountOrigin origin = origin_of(point, settings_);
    if (point.type == "volume") return volume(point, origin, fmt::format("{}/{}", scratch_, place));
    if (point.type == "image") return image(place, origin);
    if (point.type != "tmpfs") return resolve_bind(point, origin);
    const bool has_options = origin.mount != nullptr && origin.mount->tmpfs_options.has_value();
    return resolve_tmpfs(point, has_options ? *origin.mount->tmpfs_options : container::TmpfsOptions{});
  }

 private:
  Result<oci::Mount> volume(const MountPoint& point, const MountOrigin& origin,
                            const std::string& place) const {
    oci::Mount mount{.destination = point.destination, .type = "bind", .options = {"rbind"}};
    mount.source = TRY(sources_.volumes.mount(point.name, id_));
    if (const std::string part = part_of(origin); !part.empty()) {
      TRY(make_directories(scratch_, 0700));
      mount.source = TRY_DURING(pin_subpath(mount.source, part, place), "mount volume '{}'", point.name);
    }
    add_access(mount.options, point, {});
    mount.options.emplace_back("rprivate");
    if (TRY(has_ids_of_container(point))) mount.options.emplace_back("idmap");
    return mount;
  }

  // What containers wrote there has their ids, not the host's. What a driver's options mount is of somebody
  // else's making, as a bind is.
  Result<bool> has_ids_of_container(const MountPoint& point) const {
    if (settings_.uid_mappings.empty()) return false;
    return !TRY(sources_.volumes.find(point.name))->has_mount();
  }

  Result<oci::Mount> image(std::size_t place, const MountOrigin& origin) const {
    const MountPoint& point = settings_.mounts[place];
    const std::string whole = fmt::format("{}/{}.image", scratch_, place);
    TRY(make_directories(whole, 0700));
    kernel::DetachedMount files = TRY_DURING(sources_.mount_image(place), "mount image '{}'", point.source);
    TRY(files.attach_to(TRY(open_at(AT_FDCWD, whole, O_PATH | O_DIRECTORY | O_NOFOLLOW)).get()));
    oci::Mount mount{.destination = point.destination,
                     .type = "bind",
                     .source = whole,
                     .options = {"rbind", "rro", "rprivate"}};
    if (const std::string part = part_of(origin); !part.empty())
      mount.source = TRY_DURING(pin_subpath(whole, part, fmt::format("{}/{}", scratch_, place)),
                                "mount image '{}'", point.source);
    return mount;
  }

  const std::string& id_;
  const ContainerSettings& settings_;
  const std::string& scratch_;
  const MountSources& sources_;
};

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
                                               const std::string& scratch, const MountSources& sources) {
  if (has_scratch(scratch)) clear_scratch(scratch);
  const Resolution resolution(id, settings, scratch, sources);
  std::vector<oci::Mount> mounts;
  for (std::size_t place = 0; place < settings.mounts.size(); ++place)
    mounts.push_back(TRY(resolution.resolve(place)));
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
