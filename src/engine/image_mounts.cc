// SPDX-License-Identifier: Apache-2.0
#include "engine/image_mounts.h"

#include <utility>

#include "engine/container_paths.h"
#include "engine/used_image.h"
#include "engine/user_namespace.h"
#include "image/unpack_image.h"

namespace gantry::engine {

namespace {

using database::Durability;

std::string key_of(const std::string& id, std::size_t place) {
  return fmt::format("{}/{}", snapshot_key_of(id), place);
}

Result<void> prepare(Core& core, const std::string& key, const std::string& name,
                     const image::SnapshotOptions& options) {
  const UsedImage used = TRY(find_image(core, name, ""));
  const oci::Digest top = TRY(image::unpack_image(core.store, core.snapshots, used.image));
  (void)TRY(core.snapshots.prepare(key, top.is_empty() ? std::nullopt : std::optional(top), options,
                                   Durability::Lazy));
  return {};
}

}  // namespace

Result<void> prepare_image_mounts(Core& core, const std::string& id, const ContainerSettings& settings) {
  const image::SnapshotOptions options{.is_read_only = true, .id_maps = id_maps_of(settings)};
  for (std::size_t place = 0; place < settings.mounts.size(); ++place)
    if (settings.mounts[place].type == "image")
      TRY(prepare(core, key_of(id, place), settings.mounts[place].source, options));
  return {};
}

Result<void> remove_image_mounts(Core& core, const std::string& id, const std::vector<MountPoint>& mounts) {
  for (const std::string& key : image_mount_keys(id, mounts)) {
    Result<void> removed = core.snapshots.remove(key, image::Snapshots::IfMounted::Remove, Durability::Lazy);
    if (!removed && removed.error().code() != Code::NotFound) return removed;
  }
  return {};
}

MountImage image_mounter(Core& core, const std::string& id) {
  return [&core, id](std::size_t place) -> Result<kernel::DetachedMount> {
    return std::move(TRY(core.snapshots.mount(key_of(id, place))).mount);
  };
}

std::vector<std::string> image_mount_keys(const std::string& id, const std::vector<MountPoint>& mounts) {
  std::vector<std::string> keys;
  for (std::size_t place = 0; place < mounts.size(); ++place)
    if (mounts[place].type == "image") keys.push_back(key_of(id, place));
  return keys;
}

}  // namespace gantry::engine
