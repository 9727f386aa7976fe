// SPDX-License-Identifier: Apache-2.0
//
// Small images for tests: layers are any bytes, for nobody unpacks them.
#pragma once

#include <string>
#include <vector>

#include "image/image_store.h"
#include "oci/image/digest.h"
#include "oci/image/document.h"
#include "testing/must.h"

namespace gantry::image {

struct TestImage {
  std::string name;
  std::vector<std::string> layers;
  std::string config_bytes;
  std::string manifest_bytes;

  TestImage(std::string called, std::vector<std::string> with, const std::string& extra = {})
      : name(std::move(called)), layers(std::move(with)) {
    std::string diff_ids, descriptors;
    for (const std::string& layer : layers) {
      const std::string digest = oci::digest_of(layer).str();
      if (!diff_ids.empty()) diff_ids += ",", descriptors += ",";
      diff_ids += fmt::format(R"("{}")", digest);
      descriptors += fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}}})",
                                 oci::media_type::kOciLayer, digest, layer.size());
    }
    config_bytes = fmt::format(
        R"({{"architecture":"amd64","os":"linux","author":"{}","rootfs":{{"type":"layers","diff_ids":[{}]}}}})",
        name, diff_ids);
    manifest_bytes = fmt::format(
        R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{}","size":{}}},"layers":[{}]{}}})",
        oci::media_type::kOciManifest, oci::media_type::kOciConfig, oci::digest_of(config_bytes).str(),
        config_bytes.size(), descriptors, extra);
  }

  oci::Digest digest() const { return oci::digest_of(manifest_bytes); }
  oci::Digest layer(std::size_t index) const { return oci::digest_of(layers[index]); }
  oci::Document document() const { return MUST(oci::parse_document(manifest_bytes)); }
  Image image() const {
    return {.id = oci::digest_of(config_bytes), .manifest = digest(), .platform = "linux/amd64", .size = 1};
  }

  void add_to(Lease& lease) const {
    for (const std::string& layer : layers) MUST(lease.add(layer));
    MUST(lease.add(config_bytes));
    MUST(lease.add_manifest(manifest_bytes, document(), {.digest = digest()}));
  }
};

}  // namespace gantry::image
