// SPDX-License-Identifier: Apache-2.0
//
// Numbers and texts as SPDY has them: the most significant byte first, texts behind their length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::http::spdy {

inline void append_u32(std::string& bytes, std::uint32_t number) {
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(number >> shift);
}

inline void append_text(std::string& bytes, std::string_view text) {
  append_u32(bytes, static_cast<std::uint32_t>(text.size()));
  bytes += text;
}

// Takes from the beginning of what it shows; nothing, if that is not all there.
class BigEndianReader {
 public:
  explicit BigEndianReader(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::uint32_t> u32() {
    if (rest_.size() < 4) return std::nullopt;
    std::uint32_t number = 0;
    for (const char byte : rest_.substr(0, 4)) number = number << 8 | static_cast<unsigned char>(byte);
    rest_.remove_prefix(4);
    return number;
  }

  std::optional<std::string_view> text() {
    const auto size = u32();
    if (!size || *size > rest_.size()) return std::nullopt;
    const std::string_view text = rest_.substr(0, *size);
    rest_.remove_prefix(*size);
    return text;
  }

  std::string_view rest() const { return rest_; }
  bool is_at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace gantry::http::spdy
