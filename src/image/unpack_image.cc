// SPDX-License-Identifier: Apache-2.0
#include "image/unpack_image.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include "base/thread_pool.h"
#include "image/layer_import.h"
#include "oci/image/chain_id.h"
#include "oci/image/manifest.h"

namespace gantry::image {
namespace {

oci::Digest top_of(const oci::ImageConfig& config) {
  const std::vector<oci::Digest> chain = oci::chain_ids(config.rootfs.diff_ids);
  return chain.empty() ? oci::Digest() : chain.back();
}

// Each has a thread that decompresses beside it.
std::size_t layers_at_once() { return std::clamp(std::thread::hardware_concurrency(), 2U, 4U); }

}  // namespace

Result<oci::ImageConfig> read_config(const ImageStore& store, const Image& image) {
  const std::string json = TRY(store.content().read(image.id, oci::kMaxConfigBytes));
  return TRY_DURING(oci::parse_image_config(json), "config {}", image.id.str());
}

Result<std::optional<oci::Digest>> unpacked_top(const ImageStore& store, const Snapshots& snapshots,
                                                const Image& image) {
  const oci::Digest top = top_of(TRY(read_config(store, image)));
  if (top.is_empty()) return top;
  auto layers = snapshots.layers_of(top);
  if (layers) return top;
  if (layers.error().code() != Code::NotFound) return std::move(layers).error();
  return std::nullopt;
}

Result<oci::Digest> unpack_image(ImageStore& store, Snapshots& snapshots, const Image& image,
                                 const OnLoss& on_loss) {
  const oci::ImageConfig config = TRY(read_config(store, image));
  const oci::Digest top = top_of(config);
  if (top.is_empty()) return top;
  // They may have been unpacked for another image.
  auto kept = snapshots.keep_layers(top, image.id);
  if (kept) return top;
  if (kept.error().code() != Code::NotFound) return std::move(kept).error();
  const oci::Manifest manifest =
      TRY_DURING(oci::parse_manifest(TRY(store.content().read(image.manifest, oci::kMaxManifestBytes))),
                 "manifest {}", image.manifest.str());
  TRY(oci::check_matches(config, manifest));
  LayerImport import(store, snapshots, config.rootfs.diff_ids);
  const OpenBlob absent = [](std::uint64_t) -> Result<std::unique_ptr<ByteSource>> {
    return error(Code::NotFound, "it is not in the store; pull the image again");
  };
  ThreadPool pool({.name = "unpack", .max_threads = layers_at_once(), .max_waiting = oci::kMaxImageLayers});
  TaskGroup group(pool);
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    auto begun = group.run([&, i]() -> Result<void> {
      TRY_DURING(import.layer(i, manifest.layers[i], absent, {.on_loss = on_loss}), "unpack");
      return {};
    });
    if (begun) continue;
    import.give_up(begun.error());  // or those above would wait for this one
    return std::move(begun).error();
  }
  TRY(group.wait());
  return import.finish(image.id);
}

Result<std::uint64_t> unpacked_size(const Snapshots& snapshots, const oci::Digest& top) {
  std::uint64_t size = 0;
  if (!top.is_empty())
    for (const Layer& layer : TRY(snapshots.layers_of(top))) size += layer.size;
  return size;
}

}  // namespace gantry::image
