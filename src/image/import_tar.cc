// SPDX-License-Identifier: Apache-2.0
//
// import_tar() of archive_io.h.
#include <utility>

#include "base/json.h"
#include "base/read_ahead.h"
#include "base/timestamp.h"
#include "image/archive_io.h"
#include "image/hash_sink.h"
#include "image/layer_encoding.h"
#include "image/new_image.h"
#include "oci/archive/compression.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"

namespace gantry::image {
namespace {

struct StoredLayer {
  oci::Descriptor blob;
  Digest diff_id;
};

// The layer as it comes, compressed or not, into the store.
Result<StoredLayer> store_layer(const ImageStore& store, Lease& lease, ByteSource& tar) {
  Ingest ingest = TRY(store.content().ingest());
  oci::LayerType type;
  HashSink diff_id;
  {
    TeeSource stored(tar, ingest);
    ReadAhead ahead(stored);
    const auto plain = TRY(oci::decompress(static_cast<PieceSource&>(ahead)));
    TRY(copy(*plain, diff_id));
    type.encoding = encoding_of(plain->compression());
  }
  const std::uint64_t size = ingest.size();
  if (size == 0) return error(Code::InvalidArgument, "there are no bytes");
  const Digest digest = TRY(lease.commit(std::move(ingest)));
  return StoredLayer{.blob = {.media_type = std::string(*oci::layer_media_type(oci::Format::Oci, type)),
                              .digest = digest,
                              .size = size},
                     .diff_id = diff_id.finish()};
}

Result<oci::Platform> platform_of(const ImportOptions& options) {
  if (!options.platform.empty()) return oci::Platform::parse(options.platform);
  oci::Platform host = oci::host_platform();
  // "v4" is what this processor can run; nothing says that the files need it.
  if (host.architecture == "amd64") host.variant.clear();
  return host;
}

Result<std::string> config_json(const ImportOptions& options, const Digest& diff_id) {
  const oci::Platform platform = TRY(platform_of(options));
  const std::string created = format_timestamp(options.created.value_or(wall_clock_now()));
  oci::ImageConfig config;
  if (!options.config.empty()) {
    // Read as a part of the document that it will be in, whose parser knows its fields.
    const auto given = TRY_DURING(json::Document::parse(options.config), "config of the image");
    json::Writer document;
    document.begin_object().key("os").value(platform.os).key("architecture").value(platform.architecture);
    document.key("config").value(given.root());
    document.key("rootfs")
        .begin_object()
        .key("type")
        .value("layers")
        .key("diff_ids")
        .begin_array()
        .end_array();
    document.end_object().end_object();
    config = TRY(oci::parse_image_config(std::move(document).text()));
  }
  config.created = created;
  config.platform = platform;
  config.rootfs.diff_ids = {diff_id};
  config.history = {{.created = created, .comment = options.comment}};
  return oci::to_json(config);
}

}  // namespace

Result<LoadedImage> import_tar(ImageStore& store, Snapshots& snapshots, ByteSource& tar,
                               const ImportOptions& options) {
  std::vector<std::string> names;
  if (!options.name.empty()) names.push_back(TRY(oci::Reference::parse(options.name)).str());
  Lease lease = TRY(store.lease("import"));
  const StoredLayer layer = TRY_DURING(store_layer(store, lease, tar), "import");
  const std::string config = TRY(config_json(options, layer.diff_id));
  const Digest id = TRY(lease.add(config));
  const oci::Manifest manifest{
      .config = {.media_type = std::string(oci::media_type::kOciConfig), .digest = id, .size = config.size()},
      .layers = {layer.blob}};
  const Digest digest = TRY(lease.add_manifest(oci::to_json(manifest), manifest));
  const Image image = TRY_DURING(unpack_new_image(store, snapshots, digest, options.on_loss), "import");
  std::vector<NewName> new_names;
  for (const std::string& name : names) new_names.push_back({name, digest});
  TRY(store.put_image(image, new_names));
  return LoadedImage{.names = std::move(names), .digest = digest, .config = id};
}

}  // namespace gantry::image
