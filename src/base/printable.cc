// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <iterator>

#include <fmt/format.h>

namespace gantry {

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;  // 0 continues nothing
  };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return text.empty() ? 0 : 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    // The second byte's range keeps overlong forms and surrogates out (RFC 3629, section 4).
    const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = lead == 0xed ? 0x9f : 0xbf;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string result;
  while (!text.empty()) {
    if (result.size() >= limit) return result + "...";
    const unsigned char c = static_cast<unsigned char>(text.front());
    const std::size_t length = utf8_length(text);
    // U+0080 to U+009F are control characters too: terminals obey them.
    const bool is_control =
        c < 0x20 || c == 0x7f || (c == 0xc2 && length == 2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (length > 0 && !is_control) {
      if (c == '\'' || c == '\\') result += '\\';
      result += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    if (c == '\n')
      result += "\\n";
    else if (c == '\t')
      result += "\\t";
    else
      fmt::format_to(std::back_inserter(result), "\\x{:02x}", c);
    text.remove_prefix(1);
  }
  return result;
}

}  // namespace gantry
