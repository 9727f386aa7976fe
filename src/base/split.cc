// SPDX-License-Identifier: Apache-2.0
#include "base/split.h"

namespace gantry {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> split_words(std::string_view text, char separator) {
  std::vector<std::string_view> words = split(text, separator);
  std::erase_if(words, [](std::string_view word) { return word.empty(); });
  return words;
}

}  // namespace gantry
