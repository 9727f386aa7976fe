// SPDX-License-Identifier: Apache-2.0
//
// Planning; resolving is in resolve_mounts.cc, filling in fill_volumes.cc.
#include "engine/volume_mounts.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <utility>

#include "engine/bind_spec.h"
#include "engine/mount_origin.h"
#include "kernel/rooted_path.h"

namespace gantry::engine {
namespace {

Error invalid_mount(const container::Mount& mount, std::string_view why) {
  return error(Code::InvalidArgument, "invalid mount config for type \"{}\": {}", mount.type, why);
}

// Kinds of mounts that Docker knows and this host has not.
Result<void> check_type(const container::Mount& mount) {
  if (mount.type == "bind" || mount.type == "volume" || mount.type == "tmpfs" || mount.type == "image")
    return {};
  if (mount.type == "npipe") return invalid_mount(mount, "named pipes are a thing of Windows");
  if (mount.type == "cluster")
    return invalid_mount(mount, "volumes of a cluster need a swarm, and this is none");
  return invalid_mount(mount, "mount type unknown");
}

// What of a mount can be wrong by itself.
Result<void> check_mount(const container::Mount& mount) {
  TRY(check_type(mount));
  if (mount.target.empty()) return invalid_mount(mount, "field Target must not be empty");
  if (!mount.target.starts_with('/'))
    return invalid_mount(mount,
                         fmt::format("invalid mount path: '{}' mount path must be absolute", mount.target));
  if (kernel::clean_path(mount.target) == "/")
    return invalid_mount(mount, "invalid specification: destination can't be '/'");
  if (mount.type != "bind" && mount.bind_options)
    return invalid_mount(mount, "field BindOptions must not be specified");
  if (mount.type != "volume" && mount.volume_options)
    return invalid_mount(mount, "field VolumeOptions must not be specified");
  if (mount.type != "tmpfs" && mount.tmpfs_options)
    return invalid_mount(mount, "field TmpfsOptions must not be specified");
  if (mount.type != "image" && mount.image_options)
    return invalid_mount(mount, "field ImageOptions must not be specified");
  if (mount.type == "tmpfs" && !mount.source.empty())
    return invalid_mount(mount, "field Source must not be specified");
  if (mount.type == "image" && mount.source.empty())
    return invalid_mount(mount, "field Source must not be empty");
  return {};
}

Result<void> check_bind(const container::Mount& mount) {
  if (mount.source.empty()) return invalid_mount(mount, "field Source must not be empty");
  if (!mount.source.starts_with('/'))
    return invalid_mount(mount,
                         fmt::format("invalid mount path: '{}' mount path must be absolute", mount.source));
  const container::BindOptions options = mount.bind_options.value_or(container::BindOptions{});
  const auto mode = parse_bind_mode(options.propagation);
  if (!mode || mode->propagation != options.propagation)
    return invalid_mount(mount, fmt::format("invalid propagation mode: {}", options.propagation));
  struct stat st{};
  if (!options.create_mountpoint && ::stat(mount.source.c_str(), &st) < 0)
    return invalid_mount(mount, fmt::format("bind source path does not exist: {}", mount.source));
  return {};
}

Result<void> check_subpath(const container::Mount& mount) {
  const std::string& subpath = subpath_of(mount);
  // Cleaning takes ".." away, so a path that has some is not what it says.
  if (subpath.starts_with('/') || ("/" + subpath + "/").find("/../") != std::string::npos)
    return invalid_mount(mount, fmt::format("subpath must be a relative path within the {}", mount.type));
  return {};
}

class Planner {
 public:
  Planner(const std::string& id, const container::HostConfig& host_config, Volumes& volumes)
      : id_(id), host_config_(host_config), volumes_(volumes) {}

  Result<void> add_bind(const std::string& text);
  Result<void> add_mount(const container::Mount& mount);
  Result<void> add_from(const std::string& text, const FindContainer& find);
  Result<void> add_image_volume(const std::string& path);
  PlannedMounts finish();
  void undo();

 private:
  Result<void> claim(const std::string& destination);
  Result<void> use_volume(MountPoint& point, VolumeRequest request);

  const std::string& id_;
  const container::HostConfig& host_config_;
  Volumes& volumes_;
  std::map<std::string, MountPoint> points_;  // by destination
  PlannedMounts plan_;
  std::vector<std::string> used_;  // volumes that this container has become a user of
};

Result<void> Planner::claim(const std::string& destination) {
  const bool is_tmpfs = std::ranges::any_of(
      host_config_.tmpfs, [&](const auto& tmpfs) { return kernel::clean_path(tmpfs.first) == destination; });
  if (is_tmpfs || points_.contains(destination))
    return error(Code::InvalidArgument, "Duplicate mount point: {}", destination);
  return {};
}

Result<void> Planner::use_volume(MountPoint& point, VolumeRequest request) {
  auto made = volumes_.create(std::move(request), id_);
  // A driver that is not there: not "not found", which clients take for the image.
  if (!made && made.error().code() == Code::NotFound)
    return std::move(made).error().with_code(Code::InvalidArgument);
  const Volumes::Created created = TRY(std::move(made));
  const Volume& volume = *created.volume;
  if (created.is_new) plan_.new_volumes.push_back(created.volume);
  if (created.is_new && volume.is_anonymous()) plan_.anonymous_volumes.push_back(volume.name);
  used_.push_back(volume.name);
  point.type = "volume";
  point.name = volume.name;
  point.source = volume.mountpoint;
  point.driver = volume.driver;
  return {};
}

Result<void> Planner::add_bind(const std::string& text) {
  const BindSpec spec = TRY(parse_bind(text));
  TRY(claim(spec.target));
  MountPoint point{.destination = spec.target, .mode = spec.mode, .rw = !spec.words.read_only};
  if (spec.is_volume()) {
    TRY(use_volume(point, {.name = spec.source, .driver = host_config_.volume_driver}));
    if (point.mode.empty()) point.mode = "z";  // as Docker shows it
  } else {
    point.type = "bind";
    point.source = spec.source;
    point.propagation = spec.words.propagation.empty() ? "rprivate" : spec.words.propagation;
  }
  points_.emplace(spec.target, std::move(point));
  return {};
}

Result<void> Planner::add_mount(const container::Mount& mount) {
  TRY(check_mount(mount));
  const std::string target = kernel::clean_path(mount.target);
  TRY(claim(target));
  MountPoint point{.type = mount.type, .destination = target, .rw = !mount.read_only};
  if (mount.type == "bind") {
    TRY(check_bind(mount));
    point.source = kernel::clean_path(mount.source);
    point.propagation = mount.bind_options ? mount.bind_options->propagation : "";
    if (point.propagation.empty()) point.propagation = "rprivate";
  } else if (mount.type == "volume") {
    TRY(check_subpath(mount));
    const container::VolumeOptions options = mount.volume_options.value_or(container::VolumeOptions{});
    const container::VolumeDriver driver = options.driver_config.value_or(container::VolumeDriver{});
    TRY(use_volume(point, {.name = mount.source,
                           .driver = driver.name,
                           .driver_opts = driver.options,
                           .labels = options.labels}));
    point.mode = "z";
  } else if (mount.type == "image") {
    TRY(check_subpath(mount));
    point.source = mount.source;
    point.rw = false;
  }
  points_.emplace(target, std::move(point));
  return {};
}

// What is there already wins.
Result<void> Planner::add_from(const std::string& text, const FindContainer& find) {
  const VolumesFrom from = TRY(parse_volumes_from(text));
  auto found = find(from.container);
  // Clients take "not found" for a missing image, and pull it.
  if (!found) return std::move(found).error().with_code(Code::InvalidArgument);
  const ContainerRef& other = *found;
  for (const MountPoint& theirs : other->settings->mounts) {
    if (theirs.type == "tmpfs" || !claim(theirs.destination)) continue;
    // Which part it is, only the settings of the other say.
    const MountOrigin origin = origin_of(theirs, *other->settings);
    if (origin.mount != nullptr && !subpath_of(*origin.mount).empty())
      return error(Code::Unsupported, "volumes from '{}': '{}' is a part of a volume or image",
                   from.container, theirs.destination);
    MountPoint point = theirs;
    point.rw = point.rw && !from.read_only;
    if (point.type == "volume") {
      TRY(volumes_.add_user(point.name, id_));
      used_.push_back(point.name);
    }
    points_.emplace(point.destination, std::move(point));
  }
  return {};
}

Result<void> Planner::add_image_volume(const std::string& path) {
  if (!path.starts_with('/'))
    return error(Code::InvalidArgument,
                 "invalid volume specification: '{}': invalid mount path: '{}' mount path must be absolute",
                 path, path);
  const std::string target = kernel::clean_path(path);
  if (target == "/")
    return error(Code::InvalidArgument, "invalid volume specification: '{}': destination can't be '/'", path);
  if (!claim(target)) return {};
  MountPoint point{.destination = target};
  TRY(use_volume(point, {.driver = host_config_.volume_driver}));
  points_.emplace(target, std::move(point));
  return {};
}

PlannedMounts Planner::finish() {
  for (auto& [destination, point] : points_) plan_.mounts.push_back(std::move(point));
  return std::move(plan_);
}

void Planner::undo() {
  for (const std::string& name : used_) volumes_.remove_user(name, id_);
  for (const std::string& name : plan_.anonymous_volumes) (void)volumes_.remove(name);  // nobody knows of it
}

}  // namespace

Result<PlannedMounts> plan_mounts(const std::string& id, const container::Config& config,
                                  const container::HostConfig& host_config, Volumes& volumes,
                                  const FindContainer& find) {
  Planner planner(id, host_config, volumes);
  Result<void> planned = [&]() -> Result<void> {
    for (const std::string& bind : host_config.binds) TRY(planner.add_bind(bind));
    for (const container::Mount& mount : host_config.mounts) TRY(planner.add_mount(mount));
    for (const std::string& from : host_config.volumes_from) TRY(planner.add_from(from, find));
    for (const auto& [path, nothing] : config.volumes) TRY(planner.add_image_volume(path));
    return {};
  }();
  if (!planned) {
    planner.undo();
    return std::move(planned).error();
  }
  return planner.finish();
}

void forget_mounts(const std::string& id, const std::vector<MountPoint>& mounts, Volumes& volumes) {
  for (const MountPoint& point : mounts)
    if (point.type == "volume") volumes.remove_user(point.name, id);
}

}  // namespace gantry::engine
