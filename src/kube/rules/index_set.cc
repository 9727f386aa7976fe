// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/index_set.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "base/split.h"

namespace gantry::kube::rules {
namespace {

struct Interval {
  std::int64_t first;
  std::int64_t last;
};
using Parsed = std::expected<Interval, std::string>;

std::expected<std::int64_t, std::string> index_of(std::string_view text, std::int64_t completions) {
  std::int64_t index = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (failed != std::errc() || end != text.data() + text.size())
    return std::unexpected(fmt::format("cannot convert string to integer for index: \"{}\"", text));
  if (index >= completions) return std::unexpected(fmt::format("too large index: \"{}\"", text));
  return index;
}

std::string not_growing(std::int64_t before, std::int64_t now) {
  return fmt::format("non-increasing order, previous: {}, current: {}", before, now);
}

Parsed interval_of(std::string_view text, std::int64_t completions) {
  const std::vector<std::string_view> limits = split(text, '-');
  if (limits.size() > 2)
    return std::unexpected(fmt::format(
        "the fragment \"{}\" violates the requirement that an index interval can have at most two "
        "parts separated by '-'",
        text));
  const auto first = index_of(limits[0], completions);
  if (!first) return std::unexpected(first.error());
  if (limits.size() == 1) return Interval{*first, *first};
  const auto last = index_of(limits[1], completions);
  if (!last) return std::unexpected(last.error());
  if (*first >= *last) return std::unexpected(not_growing(*first, *last));
  return Interval{*first, *last};
}

std::vector<Interval> intervals_of(std::string_view text, std::int64_t completions) {
  std::vector<Interval> intervals;
  for (const std::string_view part : split(text, ','))
    if (const Parsed interval = interval_of(part, completions)) intervals.push_back(*interval);
  return intervals;
}

}  // namespace

std::expected<std::int64_t, std::string> count_indexes(std::string_view text, std::int64_t completions) {
  if (text.empty()) return 0;
  std::int64_t count = 0;
  std::optional<std::int64_t> before;
  for (const std::string_view part : split(text, ',')) {
    const Parsed interval = interval_of(part, completions);
    if (!interval) return std::unexpected(interval.error());
    if (before && *before >= interval->first) return std::unexpected(not_growing(*before, interval->first));
    count += interval->last - interval->first + 1;
    before = interval->last;
  }
  return count;
}

std::optional<std::int64_t> common_index(std::string_view one, std::string_view other,
                                         std::int64_t completions) {
  const std::vector<Interval> these = intervals_of(one, completions);
  const std::vector<Interval> those = intervals_of(other, completions);
  auto a = these.begin();
  auto b = those.begin();
  while (a != these.end() && b != those.end()) {
    if (a->first <= b->last && b->first <= a->last) return std::max(a->first, b->first);
    a->first <= b->first ? ++a : ++b;
  }
  return {};
}

}  // namespace gantry::kube::rules
