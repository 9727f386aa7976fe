// SPDX-License-Identifier: Apache-2.0
#include "oci/image/schema1.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "base/base64.h"
#include "base/printable.h"
#include "oci/image/codec.h"
#include "oci/image/document_decode.h"
#include "oci/image/document_head.h"
#include "oci/image/image_config.h"

namespace gantry::oci {

using enum json::Presence;

namespace {

struct FsLayer {
  Digest blob_sum;
};
struct Step {
  std::string v1_compatibility;
};
struct Wire {
  std::string name;
  std::string tag;
  std::string architecture;
  std::vector<FsLayer> fs_layers;  // topmost first, as the next
  std::vector<Step> history;
};

void fields(json::Fields& f, FsLayer& layer) { f("blobSum", layer.blob_sum, Required); }
void fields(json::Fields& f, Step& step) { f("v1Compatibility", step.v1_compatibility, Required); }
void fields(json::Fields& f, Wire& wire) {
  f("name", wire.name);
  f("tag", wire.tag);
  f("architecture", wire.architecture);
  f("fsLayers", wire.fs_layers, Required);
  f("history", wire.history, Required);
}

// How a signature says what it signed: the document's first bytes, and what has to follow them instead of the
// signatures.
struct Signature {
  std::string protected_header;
};
struct Signatures {
  std::vector<Signature> signatures;
};
struct ProtectedHeader {
  std::uint64_t format_length = 0;  // bytes
  std::string format_tail;          // base64url
};
void fields(json::Fields& f, Signature& signature) { f("protected", signature.protected_header, Required); }
void fields(json::Fields& f, Signatures& wire) { f("signatures", wire.signatures); }
void fields(json::Fields& f, ProtectedHeader& header) {
  f("formatLength", header.format_length, Required);
  f("formatTail", header.format_tail, Required);
}

// The parts of a v1Compatibility that we look at.
struct ContainerCommand {
  std::vector<std::string> cmd;
};
struct V1Image {
  std::string id;
  std::string parent;
  std::string created;
  std::string author;
  std::string comment;
  ContainerCommand container_config;
  bool throwaway = false;
};
void fields(json::Fields& f, ContainerCommand& command) { f("Cmd", command.cmd); }
void fields(json::Fields& f, V1Image& image) {
  f("id", image.id);
  f("parent", image.parent);
  f("created", image.created);
  f("author", image.author);
  f("comment", image.comment);
  f("container_config", image.container_config);
  f("throwaway", image.throwaway);
}

Result<std::string> signed_payload(std::string_view json, const Signature& signature) {
  const std::optional<std::string> header_text = from_base64(signature.protected_header);
  if (!header_text) return error(Code::InvalidArgument, "protected: is not base64");
  const json::Document document =
      TRY_DURING(json::Document::parse(*header_text, {.bytes = kMaxManifestBytes}), "protected");
  const ProtectedHeader header = TRY_DURING(json::decode<ProtectedHeader>(document.root()), "protected");
  if (header.format_length > json.size())
    return error(Code::InvalidArgument, "protected.formatLength: {} is more than the document's {} bytes",
                 header.format_length, json.size());
  const std::optional<std::string> tail = from_base64(header.format_tail);
  if (!tail) return error(Code::InvalidArgument, "protected.formatTail: is not base64");
  return std::string(json.substr(0, header.format_length)) + *tail;
}

Result<std::string> payload_of(const json::Value& root, std::string_view json) {
  const Signatures wire = TRY(json::decode<Signatures>(root));
  if (wire.signatures.empty()) return std::string(json);
  std::string payload;
  for (std::size_t i = 0; i < wire.signatures.size(); ++i) {
    std::string one = TRY_DURING(signed_payload(json, wire.signatures[i]), "signatures[{}]", i);
    if (i > 0 && one != payload)
      return error(Code::InvalidArgument, "signatures[{}]: signs something else than the one before", i);
    payload = std::move(one);
  }
  return payload;
}

Result<V1Image> parse_v1(const std::string& json) {
  const json::Document document = TRY(json::Document::parse(json, {.bytes = kMaxManifestBytes}));
  return json::decode<V1Image>(document.root());
}

// Topmost first. Each step names the one below; dockers of 2015 also pushed the same step twice in a row.
Result<std::vector<Schema1Layer>> check_chain(const Wire& wire) {
  std::vector<Schema1Layer> layers;
  std::vector<V1Image> images;
  for (std::size_t i = 0; i < wire.history.size(); ++i) {
    const std::string& text = wire.history[i].v1_compatibility;
    V1Image image = TRY_DURING(parse_v1(text), "history[{}].v1Compatibility", i);
    if (!images.empty() && !image.id.empty() && images.back().id == image.id) {
      images.pop_back();
      layers.pop_back();
    }
    layers.push_back({wire.fs_layers[i].blob_sum, text, image.throwaway});
    images.push_back(std::move(image));
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::string below = i + 1 < images.size() ? images[i + 1].id : "";
    if (images[i].parent != below)
      return error(Code::InvalidArgument, "history: '{}' has the parent '{}', but what follows is '{}'",
                   printable(images[i].id), printable(images[i].parent), printable(below));
  }
  return layers;
}

}  // namespace

Result<Schema1Manifest> decode_schema1(const json::Value& root, DocumentHead head, std::string_view json) {
  Schema1Manifest manifest;
  manifest.payload = TRY(payload_of(root, json));
  manifest.media_type = std::move(head.media_type);

  // Only what was signed counts, and it need not be what the unsigned document says.
  const json::Document document = TRY_DURING(parse_document_text(manifest.payload), "signed payload");
  TRY_DURING(read_head_of(DocumentKind::Schema1, document.root(), {}), "signed payload");
  Wire wire = TRY(json::decode<Wire>(document.root()));

  if (wire.fs_layers.empty()) return error(Code::InvalidArgument, "fsLayers: is empty");
  if (wire.fs_layers.size() > kMaxManifestLayers)
    return error(Code::InvalidArgument, "fsLayers: has {} elements, more than the {} allowed",
                 wire.fs_layers.size(), kMaxManifestLayers);
  if (wire.history.size() != wire.fs_layers.size())
    return error(Code::InvalidArgument, "history: has {} elements, but fsLayers has {}", wire.history.size(),
                 wire.fs_layers.size());
  manifest.layers = TRY(check_chain(wire));
  std::ranges::reverse(manifest.layers);
  manifest.name = std::move(wire.name);
  manifest.tag = std::move(wire.tag);
  manifest.architecture = std::move(wire.architecture);
  return manifest;
}

Result<Schema1Manifest> parse_schema1(std::string_view json, std::string_view declared_type) {
  const json::Document document = TRY(parse_document_text(json));
  DocumentHead head = TRY(read_head_of(DocumentKind::Schema1, document.root(), declared_type));
  return decode_schema1(document.root(), std::move(head), json);
}

std::vector<Digest> Schema1Manifest::layer_blobs() const {
  std::vector<Digest> blobs;
  for (const Schema1Layer& layer : layers)
    if (!layer.is_throwaway) blobs.push_back(layer.blob);
  return blobs;
}

namespace {

History history_of(const V1Image& image) {
  return {.created = image.created,
          .created_by = fmt::format("{}", fmt::join(image.container_config.cmd, " ")),
          .author = image.author,
          .comment = image.comment,
          .empty_layer = image.throwaway};
}

// The topmost step, without what made it a link of a chain, is the config; what is new in today's comes
// along.
Result<std::string> config_of(const Schema1Manifest& manifest, std::span<const UnpackedLayer> layers) {
  static constexpr std::string_view kOfTheChain[] = {
      "id", "parent", "Size", "layer_id", "parent_id", "layerid", "throwaway", "rootfs", "history"};
  const json::Document document =
      TRY(json::Document::parse(manifest.layers.back().v1_compatibility, {.bytes = kMaxManifestBytes}));
  const json::Value top = document.root();

  json::Writer writer;
  writer.begin_object();
  for (std::size_t i = 0; i < top.size(); ++i)
    if (std::ranges::find(kOfTheChain, top.key(i)) == std::end(kOfTheChain))
      writer.key(top.key(i)).value(top.at(i));
  if (!top.find("os")) writer.key("os").value("linux");  // there was no other
  if (!top.find("architecture")) writer.key("architecture").value(manifest.architecture);

  writer.key("rootfs").begin_object().key("type").value("layers").key("diff_ids").begin_array();
  for (const UnpackedLayer& layer : layers) writer.value(layer.diff_id.str());
  writer.end_array().end_object();

  std::vector<History> history;
  for (const Schema1Layer& layer : manifest.layers)
    history.push_back(history_of(TRY(parse_v1(layer.v1_compatibility))));
  writer.key("history");
  json::encode(writer, history);
  writer.end_object();
  return std::move(writer).text();
}

}  // namespace

Result<ConvertedImage> convert_schema1(const Schema1Manifest& manifest,
                                       std::span<const UnpackedLayer> layers) {
  const std::vector<Digest> blobs = manifest.layer_blobs();
  if (!std::ranges::equal(layers, blobs, {}, &UnpackedLayer::blob))
    return error(Code::InvalidArgument, "convert '{}' from schema 1: these are not its layers",
                 printable(manifest.name));

  ConvertedImage image;
  image.config = TRY_DURING(config_of(manifest, layers), "convert from schema 1");
  TRY_DURING(parse_image_config(image.config), "config converted from schema 1");

  Manifest converted{.media_type = std::string(media_type::kDockerManifest),
                     .config = describe(media_type::kDockerConfig, image.config)};
  for (const UnpackedLayer& layer : layers)
    converted.layers.push_back(
        {.media_type = std::string(*layer_media_type(Format::Docker, {.encoding = layer.encoding})),
         .digest = layer.blob,
         .size = layer.size});
  image.manifest = to_json(converted);
  image.descriptor = describe(converted.media_type, image.manifest);
  return image;
}

}  // namespace gantry::oci
