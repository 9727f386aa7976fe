// SPDX-License-Identifier: Apache-2.0
#include "engine/disk_usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"

namespace gantry::engine {

Result<ContainerSize> container_size(const image::Snapshots& snapshots, const std::string& snapshot_key) {
  const std::optional<image::Snapshot> snapshot = TRY(snapshots.snapshot(snapshot_key));
  if (!snapshot) return error(Code::NotFound, "there is no file system of '{}'", snapshot_key);
  ContainerSize size{.written = TRY(snapshots.usage(snapshot_key)).bytes};
  size.whole = size.written;
  if (snapshot->top)
    for (const image::Layer& layer : TRY(snapshots.layers_of(*snapshot->top))) size.whole += layer.size;
  return size;
}

std::vector<VolumeSize> volume_sizes(const Volumes& volumes) {
  std::vector<VolumeSize> sizes;
  for (const VolumeRef& volume : volumes.list()) {
    VolumeSize size{.volume = volume,
                    .users = static_cast<std::int64_t>(volumes.users_of(volume->name).size())};
    if (!volume->has_mount())
      if (const Result<image::DiskUsage> usage = volumes.usage(volume->name))
        size.bytes = static_cast<std::int64_t>(usage->bytes);
    sizes.push_back(std::move(size));
  }
  return sizes;
}

namespace {

constexpr std::string_view kContainerKey = "container/";

Result<void> check_directories(const DiskCheckInput& input, std::vector<std::string>& findings) {
  Result<std::vector<std::string>> names = names_in(AT_FDCWD, input.root + "/containers");
  if (!names && names.error().code() != Code::NotFound) return std::move(names).error();
  std::set<std::string> directories;
  if (names) directories.insert(names->begin(), names->end());
  for (const std::string& name : directories)
    if (!input.owners.contains(name) && !input.unfinished.contains(name))
      findings.push_back(
          fmt::format("'{}/containers/{}' belongs to no container and no pod", input.root, name));
  for (const std::string& id : input.owners)
    if (!directories.contains(id) && !input.unfinished.contains(id))
      findings.push_back(fmt::format("{} has no directory '{}/containers/{}'", id, input.root, id));
  return {};
}

// "container/ID", and "container/ID/…" for what else belongs to it.
std::string owner_of(std::string_view key) {
  key.remove_prefix(kContainerKey.size());
  return std::string(key.substr(0, key.find('/')));
}

Result<void> check_snapshots(const DiskCheckInput& input, const image::Snapshots& snapshots,
                             std::vector<std::string>& findings) {
  std::set<std::string> keys;
  for (const image::Snapshot& snapshot : TRY(snapshots.snapshots())) keys.insert(snapshot.key);
  for (const auto& [key, id] : input.snapshots)
    if (!keys.contains(key) && !input.unfinished.contains(id))
      findings.push_back(fmt::format("container {} has no file system '{}'", id, key));
  // Keys of others (builds, `gantry snapshot`) are theirs to know.
  for (const std::string& key : keys)
    if (key.starts_with(kContainerKey) && !input.snapshots.contains(key) &&
        !input.unfinished.contains(owner_of(key)))
      findings.push_back(fmt::format("the file system '{}' belongs to no container", key));
  return {};
}

void check_volumes(const DiskCheckInput& input, const Volumes& volumes, std::vector<std::string>& findings) {
  for (const VolumeRef& volume : volumes.list()) {
    struct stat st{};
    // Not what is mounted there, which may hang.
    const std::string directory = fmt::format("{}/volumes/{}", input.root, volume->name);
    if (::lstat(directory.c_str(), &st) < 0)
      findings.push_back(fmt::format("volume '{}' has no directory '{}'", volume->name, directory));
    for (const std::string& user : volumes.users_of(volume->name))
      if (!input.owners.contains(user) && !input.unfinished.contains(user))
        findings.push_back(
            fmt::format("volume '{}' is held for container {}, which is gone", volume->name, user));
  }
}

}  // namespace

Result<std::vector<std::string>> check_disk(const DiskCheckInput& input, const image::Snapshots& snapshots,
                                            const Volumes& volumes) {
  std::vector<std::string> findings;
  TRY(check_directories(input, findings));
  TRY(check_snapshots(input, snapshots, findings));
  check_volumes(input, volumes, findings);
  return findings;
}

}  // namespace gantry::engine
