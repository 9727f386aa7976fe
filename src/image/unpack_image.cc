// SPDX-License-Identifier: Apache-2.0
#include "image/unpack_image.h"

#include <cstddef>
#include <memory>
#include <string>

#include "image/layer_import.h"
#include "oci/image/chain_id.h"
#include "oci/image/manifest.h"

namespace gantry::image {
namespace {

oci::Digest top_of(const oci::ImageConfig& config) {
  const std::vector<oci::Digest> chain = oci::chain_ids(config.rootfs.diff_ids);
  return chain.empty() ? oci::Digest() : chain.back();
}

}  // namespace

Result<oci::ImageConfig> read_config(const ImageStore& store, const Image& image) {
  const std::string json = TRY(store.content().read(image.id, oci::kMaxConfigBytes));
  return TRY_DURING(oci::parse_image_config(json), "config {}", image.id.str());
}

Result<std::optional<oci::Digest>> unpacked_top(const ImageStore& store, const Snapshots& snapshots,
                                                const Image& image) {
  const oci::Digest top = top_of(TRY(read_config(store, image)));
  if (top.is_empty() || TRY(snapshots.layer(top))) return top;
  return std::nullopt;
}

Result<oci::Digest> unpack_image(ImageStore& store, Snapshots& snapshots, const Image& image) {
  const oci::ImageConfig config = TRY(read_config(store, image));
  const oci::Digest top = top_of(config);
  if (top.is_empty() || TRY(snapshots.layer(top))) return top;
  const oci::Manifest manifest = TRY_DURING(oci::parse_manifest(TRY(store.content().read(image.manifest))),
                                            "manifest {}", image.manifest.str());
  TRY(oci::check_matches(config, manifest));
  LayerImport import(store, snapshots, config.rootfs.diff_ids);
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const OpenBlob absent = [&](std::uint64_t) -> Result<std::unique_ptr<ByteSource>> {
      return error(Code::NotFound, "it is not in the store; pull the image again");
    };
    TRY_DURING(import.layer(i, manifest.layers[i], absent), "unpack layer {}",
               manifest.layers[i].digest.str());
  }
  return import.finish(image.id);
}

Result<std::uint64_t> unpacked_size(const Snapshots& snapshots, const oci::Digest& top) {
  std::uint64_t size = 0;
  if (!top.is_empty())
    for (const Layer& layer : TRY(snapshots.layers_of(top))) size += layer.size;
  return size;
}

}  // namespace gantry::image
