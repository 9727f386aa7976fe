// SPDX-License-Identifier: Apache-2.0
//
// A descriptor points at content: type, digest and size of what must be found there.
//
// https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"

namespace gantry::oci {

using Annotations = std::map<std::string, std::string>;

// The content itself, where a descriptor carries it (in base64).
struct InlineData {
  std::string bytes;

  static Result<InlineData> parse(std::string_view base64);
  std::string str() const;  // base64
  friend bool operator==(const InlineData&, const InlineData&) = default;
};

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;  // bytes; at most 2^63 - 1
  std::vector<std::string> urls;
  Annotations annotations;
  std::string artifact_type;
  std::optional<InlineData> data;    // was checked against digest and size
  std::optional<Platform> platform;  // in an index

  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

// What describes `content`.
Descriptor describe(std::string_view media_type, std::string_view content,
                    DigestAlgorithm algorithm = DigestAlgorithm::Sha256);

// Whether `content` is what the descriptor says; DataLoss naming both sizes or both digests if not.
Result<void> verify(const Descriptor& descriptor, std::string_view content);

// Digest and size only: no annotations, urls, platform or data.
Descriptor plain(const Descriptor& descriptor);

// What an optional `data` may hold; larger content has to be fetched.
inline constexpr std::size_t kMaxInlineData = 1 << 20;  // bytes

void fields(json::Fields& f, Descriptor& descriptor);

// The parts that a schema cannot say: media type well formed, size in range, data true. Errors begin with
// `field`: "layers[3]: size: ...".
Result<void> validate(const Descriptor& descriptor, std::string_view field);

}  // namespace gantry::oci
