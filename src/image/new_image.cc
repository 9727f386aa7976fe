// SPDX-License-Identifier: Apache-2.0
#include "image/new_image.h"

#include "base/timestamp.h"
#include "image/unpack_image.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"

namespace gantry::image {

Result<Image> unpack_new_image(ImageStore& store, Snapshots& snapshots, const Digest& digest,
                               const OnLoss& on_loss) {
  const std::string bytes = TRY(store.content().read(digest, oci::kMaxManifestBytes));
  const oci::Manifest manifest = TRY_DURING(oci::parse_manifest(bytes), "manifest '{}'", digest.str());
  Image image{.id = manifest.config.digest, .manifest = digest};
  const oci::ImageConfig config = TRY(read_config(store, image));
  // Also where all layers are there already and nothing is unpacked.
  TRY_DURING(oci::check_matches(config, manifest), "image '{}'", digest.str());
  image.platform = config.platform.str();
  image.created = parse_timestamp(config.created).value_or(0);
  image.labels = config.config.labels;
  image.size = bytes.size() + manifest.config.size;
  for (const oci::Descriptor& layer : manifest.layers) image.size += layer.size;
  image.unpacked_size = TRY(unpacked_size(snapshots, TRY(unpack_image(store, snapshots, image, on_loss))));
  return image;
}

}  // namespace gantry::image
