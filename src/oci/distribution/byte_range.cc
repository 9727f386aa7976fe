// SPDX-License-Identifier: Apache-2.0
#include "oci/distribution/byte_range.h"

#include <charconv>
#include <limits>

#include <fmt/format.h>

namespace gantry::oci {
namespace {

// Takes digits from the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::optional<ByteRange> take_range(std::string_view& text) {
  const auto first = take_number(text);
  if (!first || !take(text, "-")) return std::nullopt;
  const auto last = take_number(text);
  // A range of 2^64 bytes has no size.
  if (!last || *last < *first || *last == std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  return ByteRange{*first, *last};
}

}  // namespace

std::optional<ByteRange> parse_upload_range(std::string_view header) {
  const bool has_unit = take(header, "bytes ") || take(header, "bytes=");
  const std::optional<ByteRange> range = take_range(header);
  if (!range) return std::nullopt;
  if (has_unit && take(header, "/") && !take(header, "*") && !take_number(header)) return std::nullopt;
  if (!header.empty()) return std::nullopt;
  return range;
}

std::string upload_range(std::uint64_t size) { return fmt::format("0-{}", size == 0 ? 0 : size - 1); }

}  // namespace gantry::oci
