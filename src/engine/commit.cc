// SPDX-License-Identifier: Apache-2.0
#include "engine/commit.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/timestamp.h"
#include "image/hash_sink.h"
#include "image/layer_diff.h"
#include "image/new_image.h"
#include "oci/archive/compression.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"

namespace gantry::engine {
namespace {

using image::ImageStore;
using oci::Digest;

// Gives everything to two sinks.
class BothSinks final : public ByteSink {
 public:
  BothSinks(ByteSink& first, ByteSink& second) : first_(first), second_(second) {}
  Result<void> write(std::span<const std::byte> bytes) override {
    TRY(first_.write(bytes));
    return second_.write(bytes);
  }

 private:
  ByteSink& first_;
  ByteSink& second_;
};

struct Base {
  oci::Manifest manifest;
  oci::ImageConfig config;
};

Result<Base> read_base(const ImageStore& store, image::Lease& lease, const Digest& id) {
  if (id.is_empty()) return Base{.config = {.platform = oci::host_platform()}};
  const std::optional<image::Image> base = TRY(store.image(id));
  if (!base) return error(Code::NotFound, "No such image: {}", id.str());
  if (!TRY(lease.hold(base->manifest)))
    return error(Code::NotFound, "the manifest {} of image {} is gone", base->manifest.str(), id.str());
  Base read;
  read.manifest = TRY(oci::parse_manifest(TRY(store.content().read(base->manifest))));
  read.config = TRY(oci::parse_image_config(TRY(store.content().read(id))));
  return read;
}

struct NewLayer {
  Digest diff_id;
  Digest blob;
  std::uint64_t size = 0;
};

Result<NewLayer> write_layer(const ImageStore& store, image::Lease& lease,
                             const image::Snapshots::Parts& parts, const std::set<std::string>& left_out) {
  std::vector<int> lowers;
  for (const UniqueFd& lower : parts.lowers) lowers.push_back(lower.get());
  image::Ingest ingest = TRY(store.content().ingest());
  const auto compressor = TRY(oci::compress(ingest, {.compression = oci::Compression::Gzip}));
  image::HashSink diff_id;
  BothSinks tar(diff_id, *compressor);
  TRY(image::write_layer(parts.upper.get(), lowers, {.left_out = &left_out}, tar));
  TRY(compressor->finish());
  const std::uint64_t size = ingest.size();
  const Digest blob = TRY(lease.commit(std::move(ingest)));
  return NewLayer{diff_id.finish(), blob, size};
}

// In the form of the base, so that its layers keep their types.
oci::Descriptor describe(const NewLayer& layer, oci::Format format) {
  return {.media_type = std::string(format == oci::Format::Docker ? oci::media_type::kDockerLayerGzip
                                                                  : oci::media_type::kOciLayerGzip),
          .digest = layer.blob,
          .size = layer.size};
}

oci::ImageConfig new_config(oci::ImageConfig config, const NewLayer& layer, const CommitRequest& request) {
  config.created = format_timestamp(wall_clock_now());
  config.author = request.author;
  config.config = request.config;
  config.rootfs.diff_ids.push_back(layer.diff_id);
  config.history.push_back({.created = config.created,
                            .created_by = request.created_by,
                            .author = request.author,
                            .comment = request.comment});
  return config;
}

Result<Digest> commit_snapshot(ImageStore& store, image::Snapshots& snapshots, const CommitRequest& request,
                               const std::vector<std::string>& names) {
  image::Lease lease = TRY(store.lease("commit"));
  Base base = TRY(read_base(store, lease, request.base));
  const NewLayer layer =
      TRY(write_layer(store, lease, TRY(snapshots.parts(request.snapshot)), request.left_out));
  const std::string config = oci::to_json(new_config(std::move(base.config), layer, request));

  oci::Manifest& manifest = base.manifest;
  manifest.annotations.clear();  // those of the base are about the base
  manifest.subject.reset();
  manifest.layers.push_back(describe(layer, manifest.format()));
  const Digest id = TRY(lease.add(config));
  manifest.config = oci::describe(
      manifest.format() == oci::Format::Docker ? oci::media_type::kDockerConfig : oci::media_type::kOciConfig,
      config);
  const Digest digest = TRY(lease.add_manifest(oci::to_json(manifest), manifest));
  std::vector<image::NewName> new_names;
  for (const std::string& name : names) new_names.push_back({name, digest});
  TRY(store.put_image(TRY(image::unpack_new_image(store, snapshots, digest)), new_names));
  return id;
}

}  // namespace

Result<Digest> commit(ImageStore& store, image::Snapshots& snapshots, const CommitRequest& request) {
  std::vector<std::string> names;
  if (!request.name.empty()) names.push_back(TRY(oci::Reference::parse(request.name)).str());
  return TRY_DURING(commit_snapshot(store, snapshots, request, names), "commit");
}

}  // namespace gantry::engine
