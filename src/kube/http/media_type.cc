// SPDX-License-Identifier: Apache-2.0
#include "kube/http/media_type.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/lower_case.h"
#include "http/headers.h"
#include "kube/protobuf/envelope.h"

namespace gantry::kube {
namespace {

// Cuts the part up to `separator` off `text`, without spaces around it.
std::string_view cut(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = http::trim(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

double quality_of(const MediaType& type) {
  const std::string_view text = type.parameter("q");
  double quality = 1;
  if (!text.empty()) (void)std::from_chars(text.data(), text.data() + text.size(), quality);
  return quality;
}

std::optional<Encoding> encoding_of(const MediaType& type) {
  if (type.name == "application/json" || type.name == "*/*" || type.name == "application/*")
    return Encoding::Json;
  if (type.name == "application/yaml") return Encoding::Yaml;
  if (type.name == protobuf::kMediaType) return Encoding::Protobuf;
  return std::nullopt;
}

// Nothing: a shape that is not made here. Tables are, in the version that clients of today ask for.
std::optional<Shape> shape_of(const MediaType& type) {
  const std::string_view as = type.parameter("as");
  if (as.empty()) return Shape::Whole;
  if (type.parameter("g") != "meta.k8s.io" || type.parameter("v") != "v1") return std::nullopt;
  if (as == "Table") return Shape::Table;
  if (as == "PartialObjectMetadata" || as == "PartialObjectMetadataList") return Shape::Metadata;
  return std::nullopt;
}

}  // namespace

std::string_view MediaType::parameter(std::string_view wanted) const {
  for (const auto& [key, value] : parameters)
    if (key == wanted) return value;
  return {};
}

MediaType parse_media_type(std::string_view text) {
  MediaType type{.name = in_lower_case(cut(text, ';'))};
  while (!text.empty()) {
    std::string_view parameter = cut(text, ';');
    const std::string key = in_lower_case(cut(parameter, '='));
    std::string_view value = http::trim(parameter);
    if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"'))
      value = value.substr(1, value.size() - 2);
    if (!key.empty()) type.parameters.emplace_back(key, std::string(value));
  }
  return type;
}

std::vector<MediaType> parse_accept(std::string_view text) {
  std::vector<MediaType> types;
  while (!text.empty()) {
    MediaType type = parse_media_type(cut(text, ','));
    if (!type.name.empty() && quality_of(type) > 0) types.push_back(std::move(type));
  }
  std::ranges::stable_sort(
      types, [](const MediaType& a, const MediaType& b) { return quality_of(a) > quality_of(b); });
  return types;
}

Answer<Wanted> negotiate(std::string_view accept, bool has_protobuf) {
  if (accept.empty()) return Wanted();
  for (const MediaType& type : parse_accept(accept)) {
    const auto encoding = encoding_of(type);
    const auto shape = shape_of(type);
    if (!encoding || !shape) continue;
    if (*encoding == Encoding::Protobuf && (!has_protobuf || *shape != Shape::Whole)) continue;
    return Wanted{.encoding = *encoding, .shape = *shape, .is_watch = type.parameter("stream") == "watch"};
  }
  return Status({.code = 406,
                 .reason = "NotAcceptable",
                 .message = "only the following media types are accepted: application/json, "
                            "application/yaml, application/vnd.kubernetes.protobuf"});
}

std::string_view content_type_of(Encoding encoding, bool is_watch) {
  switch (encoding) {
    case Encoding::Json: return "application/json";
    case Encoding::Yaml: return "application/yaml";
    case Encoding::Protobuf: return is_watch ? protobuf::kWatchMediaType : protobuf::kMediaType;
  }
  return {};
}

}  // namespace gantry::kube
