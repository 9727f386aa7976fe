// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/patterns.h"

#include <algorithm>
#include <utility>

#include "base/printable.h"
#include "base/trim.h"
#include "dockerfile/logical_line.h"
#include "dockerfile/path_pattern.h"

namespace gantry::dockerfile {
namespace {

// "/a//./b/" -> "a/b": patterns count from the context's top, with or without a "/" there. ".." that leads
// above it leads to it.
std::string clean_pattern(std::string_view pattern) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', begin), pattern.size());
    const std::string_view part = pattern.substr(begin, end - begin);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    begin = end + 1;
  }
  std::string clean;
  for (const std::string_view part : parts) clean.append(clean.empty() ? "" : "/").append(part);
  return clean;
}

// The path itself and every directory above it.
bool matches_with_parents(const PathPattern& pattern, std::string_view path) {
  for (std::size_t end = 0; end != path.npos;) {
    end = path.find('/', end + 1);
    if (pattern.matches(path.substr(0, end))) return true;
  }
  return false;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view path) {
  const auto compiled = PathPattern::parse(pattern);
  return compiled && compiled->matches(path);
}

Result<void> check_pattern(std::string_view pattern) {
  TRY(PathPattern::parse(pattern));
  return {};
}

bool is_pattern(std::string_view text) { return text.find_first_of("*?[\\") != text.npos; }

struct IgnoreList::Rule {
  PathPattern pattern;
  std::string text;
  bool is_exception = false;
};

IgnoreList::IgnoreList() = default;
IgnoreList::IgnoreList(IgnoreList&&) noexcept = default;
IgnoreList& IgnoreList::operator=(IgnoreList&&) noexcept = default;
IgnoreList::~IgnoreList() = default;

Result<void> IgnoreList::add(std::string_view line) {
  std::string_view pattern = trimmed(line);
  if (pattern.empty()) return {};
  const bool is_exception = pattern.front() == '!';
  if (is_exception) pattern = trimmed(pattern.substr(1));
  if (pattern.empty()) return error(Code::InvalidArgument, "'!' needs a pattern behind it");
  std::string clean = clean_pattern(pattern);
  if (clean.empty()) return {};  // "." or "/": the context itself, which cannot be left out
  PathPattern compiled = TRY(PathPattern::parse(clean));
  rules_.push_back({std::move(compiled), std::move(clean), is_exception});
  return {};
}

Result<IgnoreList> IgnoreList::parse(std::string_view text, std::string_view file_name) {
  IgnoreList list;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  unsigned number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.starts_with('#')) continue;
    TRY_DURING(list.add(line), "{}:{}", file_name, number);
  }
  return list;
}

Result<IgnoreList> IgnoreList::of(const std::vector<std::string>& patterns) {
  IgnoreList list;
  for (const std::string& pattern : patterns) TRY(list.add(pattern));
  return list;
}

bool IgnoreList::is_empty() const { return rules_.empty(); }

bool IgnoreList::is_ignored(std::string_view path) const {
  bool is_ignored = false;
  for (const Rule& rule : rules_)
    if (rule.is_exception == is_ignored && matches_with_parents(rule.pattern, path))
      is_ignored = !rule.is_exception;
  return is_ignored;
}

bool IgnoreList::may_except_below(std::string_view directory) const {
  const std::string prefix = std::string(directory) + "/";
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    const std::string_view text = rule.text;
    const std::string_view literal = text.substr(0, text.find_first_of("*?[\\"));
    return rule.is_exception &&
           (literal.starts_with(prefix) || std::string_view(prefix).starts_with(literal));
  });
}

}  // namespace gantry::dockerfile
