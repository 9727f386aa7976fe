// SPDX-License-Identifier: Apache-2.0
#include "oci/distribution/lists.h"

#include <algorithm>

#include "base/json_codec.h"
#include "base/trim.h"

namespace gantry::oci {

using enum json::Presence;

static void fields(json::Fields& f, TagList& list) {
  f("name", list.name, Always);
  f("tags", list.tags, Always);
}

static void fields(json::Fields& f, Catalog& catalog) { f("repositories", catalog.repositories, Always); }

Result<TagList> parse_tag_list(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json)));
  return json::decode<TagList>(document.root());
}
std::string to_json(const TagList& list) { return json::encode(list); }

Result<Catalog> parse_catalog(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json)));
  return json::decode<Catalog>(document.root());
}
std::string to_json(const Catalog& catalog) { return json::encode(catalog); }

namespace {

// Up to an end mark outside of quotes; what was passed over is taken away from `text`, the mark too.
std::string_view take_until(std::string_view& text, std::string_view marks) {
  bool is_quoted = false;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (text[end] == '"') is_quoted = !is_quoted;
    if (is_quoted && text[end] == '\\')
      ++end;
    else if (!is_quoted && marks.find(text[end]) != std::string_view::npos)
      break;
  }
  end = std::min(end, text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// A parameter such as rel="next last": are these the words of a relation, and is `next` among them?
bool is_next(std::string_view parameter) {
  const std::size_t equals = parameter.find('=');
  if (equals == std::string_view::npos) return false;
  if (!equals_ignoring_case(trimmed(parameter.substr(0, equals), " \t"), "rel")) return false;
  std::string_view value = trimmed(parameter.substr(equals + 1), " \t");
  if (value.size() > 1 && value.starts_with('"') && value.ends_with('"'))
    value = value.substr(1, value.size() - 2);
  while (!value.empty()) {
    const std::string_view word = take_until(value, " ");
    if (equals_ignoring_case(word, "next")) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> next_page(std::string_view header) {
  while (!header.empty()) {
    // A target may hold commas and semicolons, so it is read first.
    header = header.substr(std::min(header.find_first_not_of(" \t,"), header.size()));
    if (!header.starts_with('<')) return std::nullopt;
    const std::size_t end = header.find('>');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view target = header.substr(1, end - 1);
    header.remove_prefix(end + 1);
    std::string_view parameters = take_until(header, ",");
    while (!parameters.empty())
      if (is_next(take_until(parameters, ";"))) return std::string(target);
  }
  return std::nullopt;
}

std::string next_page_header(std::string_view target) {
  return '<' + std::string(target) + ">; rel=\"next\"";
}

}  // namespace gantry::oci
