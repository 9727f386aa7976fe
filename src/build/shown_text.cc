// SPDX-License-Identifier: Apache-2.0
#include "build/shown_text.h"

#include "base/printable.h"
#include "base/timestamp.h"

namespace gantry::build {

std::string shown_text(std::string_view text, std::size_t limit) {
  std::string line;
  while (!text.empty()) {
    const std::size_t size = utf8_length(text);
    if (line.size() + size > limit) return line + "...";
    const auto first = static_cast<unsigned char>(text.front());
    if (size == 0 || first < 0x20 || first == 0x7f)
      line += size == 0 ? '?' : ' ';
    else
      line += text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return line;
}

std::string shown_time(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = nanoseconds / kSecond, rest = nanoseconds % kSecond;
  if (rest < 0) {
    --seconds;
    rest += kSecond;
  }
  return format_timestamp({.tv_sec = seconds, .tv_nsec = static_cast<long>(rest)});
}

}  // namespace gantry::build
