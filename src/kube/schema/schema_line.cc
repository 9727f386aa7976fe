// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/schema_line.h"

#include "base/trim.h"

namespace gantry::kube {
namespace {

// Where the word ends that `text` begins with.
std::size_t end_of_word(std::string_view text) {
  char closing = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (closing != '\0') {
      if (c == closing) closing = '\0';
    } else if (c == ' ') {
      return i;
    } else if (c == '"') {
      closing = '"';
    } else if (c == '(') {
      closing = ')';
    } else if (c == '{') {
      closing = '}';
    }
  }
  return text.size();
}

}  // namespace

SchemaLine::SchemaLine(std::string_view text) : is_indented_(text.starts_with(' ')) {
  if (text.starts_with('#')) return;
  if (const std::size_t dashes = text.find(" -- "); dashes != std::string_view::npos) {
    description_ = trimmed(text.substr(dashes + 4), " ");
    text = text.substr(0, dashes);
  }
  rest_ = trimmed(text, " ");
}

std::string_view SchemaLine::word() {
  const std::size_t end = end_of_word(rest_);
  const std::string_view word = rest_.substr(0, end);
  rest_ = trimmed(rest_.substr(end), " ");
  if (word.size() >= 2 && word.starts_with('"') && word.ends_with('"'))
    return word.substr(1, word.size() - 2);
  return word;
}

SchemaFlag split_flag(std::string_view word) {
  const std::size_t open = word.find('(');
  if (open == std::string_view::npos || !word.ends_with(')')) return {word, {}};
  return {word.substr(0, open), word.substr(open + 1, word.size() - open - 2)};
}

}  // namespace gantry::kube
