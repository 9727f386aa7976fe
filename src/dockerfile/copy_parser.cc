// SPDX-License-Identifier: Apache-2.0
//
// parse_copy() of instruction_parser.h: COPY and ADD.
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "dockerfile/here_document.h"
#include "dockerfile/instruction_parser.h"
#include "dockerfile/patterns.h"

namespace gantry::dockerfile {
namespace {

constexpr std::array<std::string_view, 6> kCopyFlags = {"from", "chown",   "chmod",
                                                        "link", "parents", "exclude"};
constexpr std::array<std::string_view, 7> kAddFlags = {"chown",    "chmod",        "link",  "exclude",
                                                       "checksum", "keep-git-dir", "unpack"};

Result<void> take_flag(Statement& statement, std::string_view name, Word& into) {
  if (auto value = TRY(statement.flag(name))) into = std::move(*value);
  return {};
}

Result<void> read_flags(Statement& statement, Copy& copy) {
  TRY(take_flag(statement, "chown", copy.chown));
  TRY(take_flag(statement, "chmod", copy.chmod));
  copy.is_linked = TRY(statement.flag_is_set("link"));
  copy.excludes = TRY(statement.flags("exclude"));
  for (const Word& exclude : copy.excludes)
    if (auto checked = check_pattern(exclude.text); !checked)
      return statement.problems().at(exclude.at, checked.error().message());
  if (!copy.is_add) {
    TRY(take_flag(statement, "from", copy.from));
    copy.keeps_parents = TRY(statement.flag_is_set("parents"));
    return statement.no_more_flags(kCopyFlags);
  }
  TRY(take_flag(statement, "checksum", copy.checksum));
  copy.keeps_git = TRY(statement.flag_is_set("keep-git-dir"));
  if (statement.has_flag("unpack")) copy.unpacks = TRY(statement.flag_is_set("unpack"));
  return statement.no_more_flags(kAddFlags);
}

std::vector<Word> paths_of(const Statement& statement) {
  std::vector<Word> paths;
  if (const auto list = parse_json_strings(statement.rest())) {
    // Taken as they are, but for variables.
    for (const std::string& path : *list) paths.push_back({path, statement.position(statement.rest())});
  } else {
    for (const RawWord& raw : statement.words()) paths.push_back(statement.word(raw.text));
  }
  return paths;
}

}  // namespace

Result<Copy> parse_copy(Statement& statement, std::vector<HereDocument> documents) {
  Copy copy{.is_add = statement.keyword() == "ADD"};
  TRY(read_flags(statement, copy));
  std::vector<Word> paths = paths_of(statement);
  if (paths.size() < 2)
    return statement.problems().at(statement.line().position(0),
                                   fmt::format("{} needs a source and a destination", statement.keyword()),
                                   fmt::format("as in: {} src/ /app/", statement.keyword()));
  copy.destination = std::move(paths.back());
  paths.pop_back();
  if (here_mark(copy.destination.text, statement.escape()))
    return statement.problems().at(copy.destination.at, "a here-document cannot be the destination");
  for (Word& path : paths)
    if (documents.empty() || !here_mark(path.text, statement.escape()))
      copy.sources.push_back(std::move(path));
  copy.documents = std::move(documents);
  return copy;
}

}  // namespace gantry::dockerfile
