// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/syntax.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/cel/parser.h"
#include "kube/cel/utf8.h"

namespace gantry::kube::cel {
namespace {

struct Place {
  std::string_view line;
  std::size_t number = 1;
  std::uint32_t column = 0;
};

Place place_of(std::string_view source, std::uint32_t position) {
  Place place;
  while (true) {
    const std::size_t end = source.find('\n');
    place.line = source.substr(0, end);
    const std::size_t size = count_code_points(place.line);
    if (position <= size || end == std::string_view::npos) {
      place.column = static_cast<std::uint32_t>(std::min<std::size_t>(position, size));
      return place;
    }
    position -= static_cast<std::uint32_t>(size + 1);
    source.remove_prefix(end + 1);
    ++place.number;
  }
}

// A wide character gets a wide mark, so that the last mark stands below the place.
std::string mark_below(const Place& place) {
  std::string mark;
  std::string_view rest = place.line;
  for (std::uint32_t i = 0; i < place.column; ++i) {
    const std::size_t before = rest.size();
    take_code_point(rest);
    mark += before - rest.size() > 1 ? "．" : ".";
  }
  return mark + (code_point_size(rest) > 1 ? "＾" : "^");
}

}  // namespace

std::string describe(std::string_view source, std::span<const Issue> issues) {
  std::string text;
  for (const Issue& issue : issues) {
    const Place place = place_of(source, issue.position);
    std::string line(place.line);
    std::ranges::replace(line, '\t', ' ');
    fmt::format_to(std::back_inserter(text), "{}ERROR: <input>:{}:{}: {}\n | {}\n | {}",
                   text.empty() ? "" : "\n", place.number, place.column + 1, issue.message, line,
                   mark_below(place));
  }
  return text;
}

std::expected<Syntax, std::vector<Issue>> parse(std::string_view source, const SyntaxLimits& limits) {
  return Parser(source, limits).run();
}

}  // namespace gantry::kube::cel
