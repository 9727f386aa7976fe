// SPDX-License-Identifier: Apache-2.0
#include "oci/image/manifest.h"

#include "base/printable.h"
#include "oci/image/codec.h"
#include "oci/image/document_decode.h"
#include "oci/image/document_head.h"

namespace gantry::oci {

using enum json::Presence;

static void fields(json::Fields& f, Manifest& manifest) {
  std::uint32_t version = 2;
  f("schemaVersion", version, Required);
  f("mediaType", manifest.media_type);
  f("artifactType", manifest.artifact_type);
  f("config", manifest.config, Required);
  f("layers", manifest.layers, Required);
  f("subject", manifest.subject);
  f("annotations", manifest.annotations);
}

Result<Manifest> decode_manifest(const json::Value& root, DocumentHead head) {
  Manifest manifest = TRY(json::decode<Manifest>(root));
  manifest.media_type = std::move(head.media_type);

  if (manifest.layers.size() > kMaxManifestLayers)
    return error(Code::InvalidArgument, "layers: has {} elements, more than the {} allowed",
                 manifest.layers.size(), kMaxManifestLayers);
  if (!manifest.artifact_type.empty() && !is_well_formed(manifest.artifact_type))
    return error(Code::InvalidArgument, "artifactType: '{}' is not a media type",
                 printable(manifest.artifact_type));
  TRY(validate(manifest.config, "config"));
  for (std::size_t i = 0; i < manifest.layers.size(); ++i)
    TRY(validate(manifest.layers[i], fmt::format("layers[{}]", i)));
  if (manifest.subject) TRY(validate(*manifest.subject, "subject"));
  return manifest;
}

Result<Manifest> parse_manifest(std::string_view json, std::string_view declared_type) {
  const json::Document document = TRY(parse_document_text(json));
  DocumentHead head = TRY(read_head_of(DocumentKind::Manifest, document.root(), declared_type));
  return decode_manifest(document.root(), std::move(head));
}

std::string to_json(const Manifest& manifest) { return json::encode(manifest); }

Result<void> check_is_image(const Manifest& manifest) {
  if (!is_config(manifest.config.media_type))
    return error(Code::Unsupported, "config.mediaType: '{}' is not the config of an image",
                 printable(manifest.config.media_type));
  if (manifest.layers.size() > kMaxImageLayers)
    return error(Code::InvalidArgument, "layers: has {} elements, more than the {} that can be stacked",
                 manifest.layers.size(), kMaxImageLayers);
  for (std::size_t i = 0; i < manifest.layers.size(); ++i)
    if (!layer_type(manifest.layers[i].media_type))
      return error(Code::Unsupported, "layers[{}].mediaType: '{}' is not the layer of an image", i,
                   printable(manifest.layers[i].media_type));
  return {};
}

}  // namespace gantry::oci
