// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/here_document.h"

#include <algorithm>
#include <utility>

#include "base/printable.h"
#include "dockerfile/words.h"

namespace gantry::dockerfile {

std::optional<HereMark> here_mark(std::string_view word, char escape) {
  while (!word.empty() && word.front() >= '0' && word.front() <= '9') word.remove_prefix(1);
  if (!word.starts_with("<<")) return std::nullopt;
  word.remove_prefix(2);
  HereMark mark;
  mark.strips_tabs = word.starts_with('-');
  if (mark.strips_tabs) word.remove_prefix(1);
  if (word.find('<') != word.npos) return std::nullopt;  // "<<<" is a string of the shell
  char quote = '\0';
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (quote != '\0' ? c == quote : c == '\'' || c == '"') {
      quote = quote != '\0' ? '\0' : c;
      mark.expands = false;
    } else if (c == escape && quote != '\'' && i + 1 < word.size()) {
      mark.expands = false;
      mark.name += word[++i];
    } else {
      mark.name += c;
    }
  }
  if (quote != '\0' || mark.name.empty()) return std::nullopt;
  return mark;
}

std::vector<HereMark> here_marks(std::string_view line, char escape) {
  std::vector<HereMark> marks;
  for (const RawWord& word : split_words(line, escape))
    if (auto mark = here_mark(word.text, escape)) marks.push_back(std::move(*mark));
  return marks;
}

Result<HereDocument> read_here_document(const HereMark& mark, LineReader& reader) {
  HereDocument document{.name = mark.name, .expands = mark.expands};
  while (const auto line = reader.next_raw()) {
    document.verbatim.append(*line).append("\n");
    std::string_view content = *line;
    if (mark.strips_tabs) content.remove_prefix(std::min(content.find_first_not_of('\t'), content.size()));
    if (content == mark.name) return document;
    document.content.append(content).append("\n");
  }
  return error(Code::InvalidArgument,
               "the here-document '{}' has no end: a line with nothing but {} is missing",
               printable(mark.name), printable(mark.name));
}

}  // namespace gantry::dockerfile
