// SPDX-License-Identifier: Apache-2.0
#include "image/new_image.h"

#include <algorithm>
#include <thread>

#include "base/thread_pool.h"
#include "base/timestamp.h"
#include "image/layer_import.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"

namespace gantry::image {

// Each has a thread that decompresses beside it.
static std::size_t layers_at_once() { return std::clamp(std::thread::hardware_concurrency(), 2U, 4U); }

Result<Image> unpack_image(ImageStore& store, Snapshots& snapshots, const Digest& digest) {
  const ContentStore& content = store.content();
  const std::string bytes = TRY(content.read(digest, oci::kMaxManifestBytes));
  const oci::Manifest manifest = TRY_DURING(oci::parse_manifest(bytes), "manifest '{}'", digest.str());
  const oci::ImageConfig config =
      TRY_DURING(oci::parse_image_config(TRY(content.read(manifest.config.digest, oci::kMaxConfigBytes))),
                 "config '{}'", manifest.config.digest.str());
  TRY_DURING(oci::check_matches(config, manifest), "image '{}'", digest.str());

  Image image{.id = manifest.config.digest,
              .manifest = digest,
              .platform = config.platform.str(),
              .created = parse_timestamp(config.created).value_or(0),
              .size = bytes.size() + manifest.config.size,
              .labels = config.config.labels};
  LayerImport import(store, snapshots, config.rootfs.diff_ids);
  const OpenBlob not_here = [](std::uint64_t) -> Result<std::unique_ptr<ByteSource>> {
    return error(Code::NotFound, "it is not in the store");
  };
  {
    ThreadPool pool({.name = "unpack", .max_threads = layers_at_once(), .max_waiting = oci::kMaxImageLayers});
    TaskGroup group(pool);
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
      auto begun = group.run([&, i]() -> Result<void> {
        TRY(import.layer(i, manifest.layers[i], not_here));
        return {};
      });
      if (begun) continue;
      import.give_up(begun.error());  // or those above would wait for this one
      return std::move(begun).error();
    }
    TRY(group.wait());
  }
  const Digest top = TRY(import.finish(image.id));
  for (const oci::Descriptor& layer : manifest.layers) image.size += layer.size;
  if (!top.is_empty())
    for (const Layer& layer : TRY(snapshots.layers_of(top))) image.unpacked_size += layer.size;
  return image;
}

}  // namespace gantry::image
