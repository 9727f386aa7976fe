// SPDX-License-Identifier: Apache-2.0
#include "engine/container_root.h"

#include "engine/container_paths.h"
#include "image/unpack_image.h"
#include "oci/image/digest.h"

namespace gantry::engine {
namespace {

Result<void> unpack_again(Core& core, const ContainerRecord& record) {
  const oci::Digest id = TRY(oci::Digest::parse(record.settings->image));
  const auto image = TRY(core.store.image(id));
  if (!image) return error(Code::NotFound, "image '{}' is not in the store", id.str());
  TRY(image::unpack_image(core.store, core.snapshots, *image));
  return {};
}

}  // namespace

Result<kernel::OverlayMount> mount_root(Core& core, const ContainerRecord& record) {
  const std::string key = snapshot_key_of(record.id);
  Result<kernel::OverlayMount> root = core.snapshots.mount(key);
  if (root || root.error().code() != Code::NotFound || record.settings->image.empty()) return root;
  TRY_DURING(unpack_again(core, record), "unpack the image of container '{}' again", record.id);
  return core.snapshots.mount(key);
}

}  // namespace gantry::engine
