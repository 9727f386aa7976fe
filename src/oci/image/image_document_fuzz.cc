// SPDX-License-Identifier: Apache-2.0
//
// Manifests, indexes, schema 1 and configs: what is taken is written so that it is taken again and is the
// same; what is refused is refused in one line of bounded length.
#include <cstdlib>

#include "base/base64.h"
#include "oci/image/convert.h"
#include "oci/image/document.h"
#include "oci/image/image_config.h"

namespace {

using namespace gantry;
using namespace gantry::oci;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_refusal(const std::string& message) {
  require(!message.empty() && message.size() < 4096);
  require(message.find_first_of(std::string_view("\n\r\x1b\0", 4)) == std::string::npos);
}

void check(const Manifest& manifest) {
  require(parse_manifest(to_json(manifest), manifest.media_type).value() == manifest);
  const auto converted = convert(manifest, Format::Docker);
  if (!converted) return check_refusal(converted.error().message());
  require(verify(converted->descriptor, converted->json).has_value());
  require(parse_manifest(converted->json, media_type::kDockerManifest).has_value());
}

void check(const Index& index) {
  require(parse_index(to_json(index), index.media_type).value() == index);
  const auto selected = select(index, Platform{.os = "linux", .architecture = "arm64"});
  if (!selected) check_refusal(selected.error().message());
}

void check(const Schema1Manifest& manifest) {
  std::vector<UnpackedLayer> layers;
  for (const Digest& blob : manifest.layer_blobs()) layers.push_back({.blob = blob, .diff_id = blob});
  const auto converted = convert_schema1(manifest, layers);
  if (!converted) return check_refusal(converted.error().message());
  const Manifest image = parse_manifest(converted->manifest, media_type::kDockerManifest).value();
  require(image.layers.size() == layers.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto document = parse_document(text)) {
    for (const Descriptor* child : children_of(*document)) require(!child->digest.is_empty());
    std::visit([](const auto& one) { check(one); }, *document);
  } else {
    check_refusal(document.error().message());
  }
  if (const auto config = parse_image_config(text))
    require(parse_image_config(to_json(*config)).value() == *config);
  else
    check_refusal(config.error().message());
  if (const auto bytes = from_base64(text)) require(from_base64(to_base64(*bytes)) == *bytes);
  return 0;
}
