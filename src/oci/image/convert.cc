// SPDX-License-Identifier: Apache-2.0
#include "oci/image/convert.h"

#include <fmt/format.h>

#include "base/printable.h"

namespace gantry::oci {
namespace {

// What was taken from the descriptors and documents that Docker's format has no fields for.
class Lost {
 public:
  void annotations(const Annotations& annotations, std::string_view field) {
    if (!annotations.empty()) fields_.push_back(fmt::format("{}annotations", field));
  }
  std::vector<std::string> take() && { return std::move(fields_); }

 private:
  std::vector<std::string> fields_;
};

// Docker's descriptors have type, size, digest, urls and platform.
Descriptor for_docker(Descriptor descriptor) {
  descriptor.annotations.clear();
  descriptor.artifact_type.clear();
  descriptor.data.reset();
  return descriptor;
}

Error no_room(std::string_view field) {
  return error(Code::Unsupported, "{}: Docker's manifests have nothing like it", field);
}

}  // namespace

Result<Converted> convert(const Manifest& manifest, Format to) {
  TRY(check_is_image(manifest));
  Manifest target = manifest;
  Lost lost;
  target.media_type = to == Format::Oci ? media_type::kOciManifest : media_type::kDockerManifest;
  target.config.media_type = to == Format::Oci ? media_type::kOciConfig : media_type::kDockerConfig;
  for (std::size_t i = 0; i < target.layers.size(); ++i) {
    Descriptor& layer = target.layers[i];
    const std::optional<std::string_view> type = layer_media_type(to, *layer_type(layer.media_type));
    if (!type) return no_room(fmt::format("layers[{}].mediaType '{}'", i, layer.media_type));
    layer.media_type = *type;
  }
  if (to == Format::Docker) {
    if (!manifest.artifact_type.empty()) return no_room("artifactType");
    if (manifest.subject) return no_room("subject");
    lost.annotations(manifest.annotations, "");
    lost.annotations(manifest.config.annotations, "config.");
    target.annotations.clear();
    target.config = for_docker(std::move(target.config));
    for (std::size_t i = 0; i < target.layers.size(); ++i) {
      lost.annotations(target.layers[i].annotations, fmt::format("layers[{}].", i));
      target.layers[i] = for_docker(std::move(target.layers[i]));
    }
  }
  std::string json = to_json(target);
  Descriptor descriptor = describe(target.media_type, json);
  return Converted{std::move(json), std::move(descriptor), std::move(lost).take()};
}

Result<Converted> convert(const Index& index, Format to,
                          const std::unordered_map<Digest, Descriptor>& converted) {
  Index target = index;
  Lost lost;
  target.media_type = to == Format::Oci ? media_type::kOciIndex : media_type::kDockerManifestList;
  for (std::size_t i = 0; i < target.manifests.size(); ++i) {
    Descriptor& manifest = target.manifests[i];
    const auto found = converted.find(manifest.digest);
    if (found == converted.end())
      return error(Code::InvalidArgument, "manifests[{}]: '{}' was not converted", i, manifest.digest.str());
    manifest.media_type = found->second.media_type;
    manifest.digest = found->second.digest;
    manifest.size = found->second.size;
    manifest.data.reset();
    if (to == Format::Oci) continue;
    if (!manifest.platform) return no_room(fmt::format("manifests[{}] without a platform", i));
    lost.annotations(manifest.annotations, fmt::format("manifests[{}].", i));
    manifest = for_docker(std::move(manifest));
  }
  if (to == Format::Docker) {
    if (!index.artifact_type.empty()) return no_room("artifactType");
    if (index.subject) return no_room("subject");
    lost.annotations(index.annotations, "");
    target.annotations.clear();
  }
  std::string json = to_json(target);
  Descriptor descriptor = describe(target.media_type, json);
  return Converted{std::move(json), std::move(descriptor), std::move(lost).take()};
}

}  // namespace gantry::oci
