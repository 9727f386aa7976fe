// SPDX-License-Identifier: Apache-2.0
#include "oci/image/media_type.h"

#include <algorithm>

namespace gantry::oci {
namespace {

using namespace media_type;
using enum LayerEncoding;

struct LayerRow {
  std::string_view media_type;
  Format format;
  LayerType type;
};

constexpr LayerRow kLayers[] = {
    {kOciLayer, Format::Oci, {Tar, true}},
    {kOciLayerGzip, Format::Oci, {Gzip, true}},
    {kOciLayerZstd, Format::Oci, {Zstd, true}},
    {kOciForeignLayer, Format::Oci, {Tar, false}},
    {kOciForeignLayerGzip, Format::Oci, {Gzip, false}},
    {kOciForeignLayerZstd, Format::Oci, {Zstd, false}},
    {kDockerLayer, Format::Docker, {Tar, true}},
    {kDockerLayerGzip, Format::Docker, {Gzip, true}},
    {kDockerLayerZstd, Format::Docker, {Zstd, true}},
    {kDockerForeignLayer, Format::Docker, {Tar, false}},
    {kDockerForeignLayerGzip, Format::Docker, {Gzip, false}},
};

const LayerRow* find_layer(std::string_view media_type) {
  const auto* found = std::ranges::find(kLayers, media_type, &LayerRow::media_type);
  return found == std::end(kLayers) ? nullptr : found;
}

bool is_name(std::string_view text) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  constexpr std::size_t kMaxLength = 127;
  if (text.empty() || text.size() > kMaxLength || !is_alphanumeric(text.front())) return false;
  return std::ranges::all_of(text, [&](char c) {
    return is_alphanumeric(c) || std::string_view("!#$&^_.+-").find(c) != std::string_view::npos;
  });
}

}  // namespace

std::optional<DocumentKind> document_kind(std::string_view media_type) {
  if (media_type == kOciManifest || media_type == kDockerManifest) return DocumentKind::Manifest;
  if (media_type == kOciIndex || media_type == kDockerManifestList) return DocumentKind::Index;
  if (media_type == kDockerSchema1 || media_type == kDockerSchema1Signed) return DocumentKind::Schema1;
  return std::nullopt;
}

std::optional<Format> format_of(std::string_view media_type) {
  if (const LayerRow* row = find_layer(media_type)) return row->format;
  if (media_type == kOciManifest || media_type == kOciIndex || media_type == kOciConfig) return Format::Oci;
  if (document_kind(media_type) || media_type == kDockerConfig) return Format::Docker;
  return std::nullopt;
}

std::optional<LayerType> layer_type(std::string_view media_type) {
  if (const LayerRow* row = find_layer(media_type)) return row->type;
  return std::nullopt;
}

std::optional<std::string_view> layer_media_type(Format format, LayerType type) {
  for (const LayerRow& row : kLayers)
    if (row.format == format && row.type == type) return row.media_type;
  return std::nullopt;
}

bool is_config(std::string_view media_type) {
  return media_type == kOciConfig || media_type == kDockerConfig;
}

std::string_view without_parameters(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  const std::size_t begin = content_type.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return content_type.substr(begin, content_type.find_last_not_of(" \t") - begin + 1);
}

bool is_well_formed(std::string_view media_type) {
  const std::size_t slash = media_type.find('/');
  return slash != std::string_view::npos && is_name(media_type.substr(0, slash)) &&
         is_name(media_type.substr(slash + 1));
}

}  // namespace gantry::oci
