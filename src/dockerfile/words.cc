// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/words.h"

#include <utility>

#include "base/json.h"
#include "base/trim.h"
#include "dockerfile/logical_line.h"

namespace gantry::dockerfile {

std::vector<RawWord> split_words(std::string_view line, char escape) {
  std::vector<RawWord> words;
  for (std::size_t at = 0; at < line.size();) {
    if (is_space(line[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    char quote = '\0';
    for (; at < line.size() && (quote != '\0' || !is_space(line[at])); ++at) {
      const char c = line[at];
      if (c == escape && quote != '\'' && at + 1 < line.size())
        ++at;
      else if (quote != '\0')
        quote = c == quote ? '\0' : quote;
      else if (c == '\'' || c == '"')
        quote = c;
    }
    words.push_back({line.substr(begin, at - begin), begin});
  }
  return words;
}

std::string unquoted(std::string_view word, char escape) {
  std::string plain;
  char quote = '\0';
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (c == escape && quote != '\'' && i + 1 < word.size())
      plain += word[++i];
    else if (quote != '\0' ? c == quote : c == '\'' || c == '"')
      quote = quote != '\0' ? '\0' : c;
    else
      plain += c;
  }
  return plain;
}

std::optional<std::vector<std::string>> parse_json_strings(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with('[')) return std::nullopt;
  const auto document = json::Document::parse(std::string(text));
  if (!document || document->root().kind() != json::Kind::Array) return std::nullopt;
  std::vector<std::string> strings;
  for (std::size_t i = 0; i < document->root().size(); ++i) {
    const json::Value element = document->root().at(i);
    if (element.kind() != json::Kind::String) return std::nullopt;
    strings.emplace_back(element.as_string());
  }
  return strings;
}

}  // namespace gantry::dockerfile
