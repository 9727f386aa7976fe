// SPDX-License-Identifier: Apache-2.0
//
// Patterns of paths: those of COPY's sources, and lists of them as .dockerignore has them.
//
//   IgnoreList ignored = TRY(IgnoreList::parse(text, ".dockerignore"));
//   if (ignored.is_ignored("node_modules/x/y.js")) ...
//
// A path is ignored when the last pattern that matches it, or a directory above it, has no "!". "**" stands
// for any number of directories, "*" and "?" not for "/", "[a-z]" and "[^a-z]" for one character, a backslash
// takes the next one as it is. https://docs.docker.com/build/concepts/context/#dockerignore-files
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::dockerfile {

// Whether the whole of `path` fits; a malformed pattern fits nothing (check_pattern()).
bool matches(std::string_view pattern, std::string_view path);
Result<void> check_pattern(std::string_view pattern);
// Whether it has any of "*?[\" and so has to be compared with names rather than opened.
bool is_pattern(std::string_view text);

class IgnoreList {
 public:
  IgnoreList();
  IgnoreList(IgnoreList&&) noexcept;
  IgnoreList& operator=(IgnoreList&&) noexcept;
  ~IgnoreList();
  // Lines; '#' begins a comment. InvalidArgument with the line for a malformed pattern.
  static Result<IgnoreList> parse(std::string_view text, std::string_view file_name);
  // The same from patterns alone (COPY --exclude).
  static Result<IgnoreList> of(const std::vector<std::string>& patterns);

  // `path` is relative and clean: "a/b".
  bool is_ignored(std::string_view path) const;
  // Whether something below an ignored directory could yet be taken: false where it need not be read.
  bool may_except_below(std::string_view directory) const;
  bool is_empty() const;

 private:
  struct Rule;
  Result<void> add(std::string_view line);
  std::vector<Rule> rules_;
};

}  // namespace gantry::dockerfile
