// SPDX-License-Identifier: Apache-2.0
//
// Ranges of bytes as uploads spell them; those of HTTP itself are http/message.h's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::oci {

// Both ends belong to it, as in HTTP.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t size() const { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// "0-1023": Content-Range of an uploaded chunk and Range of its answer, as the distribution specification has
// them; also "bytes 0-1023/*" and "bytes=0-1023", which some clients send. Empty if it is none of these.
std::optional<ByteRange> parse_upload_range(std::string_view header);
// "0-<size - 1>"; of an upload that is empty "0-0", as docker's registry says it.
std::string upload_range(std::uint64_t size);

}  // namespace gantry::oci
