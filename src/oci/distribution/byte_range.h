// SPDX-License-Identifier: Apache-2.0
//
// Ranges of bytes in the three spellings that pulls and uploads use.
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

// "bytes 0-99/1234" of a partial answer (RFC 9110, section 14.4); no total where the server does not know it.
struct ContentRange {
  ByteRange range;
  std::optional<std::uint64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view header);

}  // namespace gantry::oci
