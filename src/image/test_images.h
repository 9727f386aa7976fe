// SPDX-License-Identifier: Apache-2.0
//
// What tests of images share: a store with its snapshots, and images made on the spot.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "image/image_store.h"
#include "image/new_image.h"
#include "image/snapshots.h"
#include "oci/archive/compression.h"
#include "oci/archive/tar_writer.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "testing/must.h"

namespace gantry::image {

struct TestStore {
  explicit TestStore(const std::string& root)
      : images(MUST(ImageStore::open(root))), snapshots(MUST(Snapshots::open(root, images.database()))) {}
  ImageStore images;
  Snapshots snapshots;
};

struct TestFile {
  std::string path;
  std::string text;
  oci::TarType type = oci::TarType::File;
  std::string link_target = {};
  mode_t mode = 0644;
};

inline std::string tar_of(const std::vector<TestFile>& files) {
  StringSink sink;
  oci::TarWriter tar(sink);
  for (const TestFile& file : files) {
    MUST(tar.add({.type = file.type,
                  .path = file.path,
                  .link_target = file.link_target,
                  .mode = file.mode,
                  .size = file.text.size()}));
    MUST(tar.write(bytes_of(file.text)));
  }
  MUST(tar.finish());
  return sink.take();
}

inline std::string compressed(const std::string& bytes, oci::Compression method = oci::Compression::Gzip) {
  StringSink sink;
  const auto compressor = MUST(oci::compress(sink, {.compression = method}));
  MUST(compressor->write(bytes_of(bytes)));
  MUST(compressor->finish());
  return sink.take();
}

// An image as bytes: its layers' tars, lowest first, compressed, and the documents around them.
struct TestImage {
  explicit TestImage(const std::vector<std::string>& tars, oci::Format format = oci::Format::Oci) {
    for (const std::string& tar : tars) {
      layers.push_back(compressed(tar));
      config.rootfs.diff_ids.push_back(oci::digest_of(tar));
    }
    config.platform = oci::host_platform();
    config.config.cmd = {"/bin/sh"};
    config_json = oci::to_json(config);
    const bool is_oci = format == oci::Format::Oci;
    manifest.media_type = is_oci ? oci::media_type::kOciManifest : oci::media_type::kDockerManifest;
    manifest.config =
        oci::describe(is_oci ? oci::media_type::kOciConfig : oci::media_type::kDockerConfig, config_json);
    for (const std::string& layer : layers)
      manifest.layers.push_back(
          oci::describe(is_oci ? oci::media_type::kOciLayerGzip : oci::media_type::kDockerLayerGzip, layer));
    manifest_json = oci::to_json(manifest);
    digest = oci::digest_of(manifest_json);
  }

  // Into the store, unpacked, under this name (empty: none).
  void put(TestStore& store, const std::string& name) const {
    Lease lease = MUST(store.images.lease("test"));
    for (const std::string& layer : layers) MUST(lease.add(layer));
    MUST(lease.add(config_json));
    MUST(lease.add_manifest(manifest_json, manifest));
    const Image image = MUST(unpack_new_image(store.images, store.snapshots, digest));
    std::vector<NewName> names;
    if (!name.empty()) names.push_back({name, digest});
    MUST(store.images.put_image(image, names));
  }

  std::vector<std::string> layers;
  oci::ImageConfig config;
  std::string config_json;
  oci::Manifest manifest;
  std::string manifest_json;
  Digest digest;
};

}  // namespace gantry::image
