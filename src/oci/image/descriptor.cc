// SPDX-License-Identifier: Apache-2.0
#include "oci/image/descriptor.h"

#include <limits>

#include "base/base64.h"
#include "base/printable.h"
#include "oci/image/codec.h"
#include "oci/image/media_type.h"

namespace gantry::oci {

using enum json::Presence;

Result<InlineData> InlineData::parse(std::string_view base64) {
  if (base64.size() > (kMaxInlineData + 2) / 3 * 4)
    return error(Code::InvalidArgument, "holds more than the {} bytes allowed", kMaxInlineData);
  std::optional<std::string> bytes = from_base64(base64);
  if (!bytes) return error(Code::InvalidArgument, "is not base64");
  return InlineData{std::move(*bytes)};
}

std::string InlineData::str() const { return to_base64(bytes); }

void fields(json::Fields& f, Descriptor& descriptor) {
  f("mediaType", descriptor.media_type, Required);
  f("digest", descriptor.digest, Required);
  f("size", descriptor.size, Required);
  f("urls", descriptor.urls);
  f("annotations", descriptor.annotations);
  f("artifactType", descriptor.artifact_type);
  f("data", descriptor.data);
  f("platform", descriptor.platform);
}

Descriptor describe(std::string_view media_type, std::string_view content, DigestAlgorithm algorithm) {
  return {
      .media_type = std::string(media_type), .digest = digest_of(content, algorithm), .size = content.size()};
}

Result<void> verify(const Descriptor& descriptor, std::string_view content) {
  if (content.size() != descriptor.size)
    return error(Code::DataLoss, "the content of '{}' has {} bytes, its descriptor says {}",
                 descriptor.digest.str(), content.size(), descriptor.size);
  const Digest digest = digest_of(content, descriptor.digest.algorithm());
  if (digest != descriptor.digest)
    return error(Code::DataLoss, "the content of '{}' has the digest '{}'", descriptor.digest.str(),
                 digest.str());
  return {};
}

Descriptor plain(const Descriptor& descriptor) {
  return {.media_type = descriptor.media_type, .digest = descriptor.digest, .size = descriptor.size};
}

Result<void> validate(const Descriptor& descriptor, std::string_view field) {
  if (!is_well_formed(descriptor.media_type))
    return error(Code::InvalidArgument, "{}.mediaType: '{}' is not a media type", field,
                 printable(descriptor.media_type));
  if (!descriptor.artifact_type.empty() && !is_well_formed(descriptor.artifact_type))
    return error(Code::InvalidArgument, "{}.artifactType: '{}' is not a media type", field,
                 printable(descriptor.artifact_type));
  if (descriptor.size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return error(Code::InvalidArgument, "{}.size: {} is more than a signed 64-bit integer holds", field,
                 descriptor.size);
  if (descriptor.data) TRY_DURING(verify(descriptor, descriptor.data->bytes), "{}.data", field);
  return {};
}

}  // namespace gantry::oci
