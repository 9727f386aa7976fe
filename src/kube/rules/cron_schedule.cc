// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/cron_schedule.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/printable.h"

namespace gantry::kube::rules {
namespace {

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kDays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::string_view kWords[] = {"@annually", "@daily",  "@hourly", "@midnight",
                                       "@monthly",  "@weekly", "@yearly"};

struct Field {
  int low;
  int high;
  std::span<const std::string_view> names;  // of low, low + 1 ...
};
const Field kFields[] = {{0, 59, {}}, {0, 23, {}}, {1, 31, {}}, {1, 12, kMonths}, {0, 6, kDays}};

std::vector<std::string_view> split(std::string_view text, std::string_view marks) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = std::min(text.find_first_of(marks), text.size());
    parts.push_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_name(std::string_view text, std::string_view name) {
  return std::ranges::equal(text, name, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

std::optional<int> value_of(std::string_view text, const Field& field) {
  for (std::size_t i = 0; i < field.names.size(); ++i)
    if (is_name(text, field.names[i])) return field.low + static_cast<int>(i);
  return number(text);
}

// "*", "5", "1-5", each with "/2" behind it.
std::optional<std::string> range_fault(std::string_view text, const Field& field) {
  const auto parts = split(text, "/");
  const auto no_number = [&] { return fmt::format("failed to parse number in '{}'", printable(text)); };
  if (parts.size() > 2) return fmt::format("too many slashes: {}", printable(text));
  if (parts.size() == 2 && number(parts[1]).value_or(0) == 0)
    return fmt::format("step of range should be a positive number: {}", printable(text));
  if (parts[0] == "*" || parts[0] == "?") return std::nullopt;
  const auto ends = split(parts[0], "-");
  if (ends.size() > 2) return fmt::format("too many hyphens: {}", printable(text));
  const auto low = value_of(ends.front(), field);
  const auto high = value_of(ends.back(), field);
  if (!low || !high) return no_number();
  if (*low < field.low)
    return fmt::format("beginning of range ({}) below minimum ({}): {}", *low, field.low, text);
  if (*high > field.high)
    return fmt::format("end of range ({}) above maximum ({}): {}", *high, field.high, text);
  if (*low > *high)
    return fmt::format("beginning of range ({}) beyond end of range ({}): {}", *low, *high, text);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> schedule_fault(std::string_view text) {
  if (text.starts_with("@every ")) {
    const auto every = parse_duration(text.substr(7));
    return every ? std::nullopt : std::optional(every.error().message());
  }
  if (text.starts_with('@')) {
    if (std::ranges::find(kWords, text) != std::end(kWords)) return std::nullopt;
    return fmt::format("unrecognized descriptor: {}", printable(text));
  }
  std::vector<std::string_view> fields = split(text, " \t");
  std::erase(fields, "");
  if (fields.size() != std::size(kFields))
    return fmt::format("expected exactly 5 fields, found {}: [{}]", fields.size(), printable(text));
  for (std::size_t i = 0; i < fields.size(); ++i)
    for (const std::string_view range : split(fields[i], ","))
      if (auto fault = range_fault(range, kFields[i])) return fault;
  return std::nullopt;
}

}  // namespace gantry::kube::rules
