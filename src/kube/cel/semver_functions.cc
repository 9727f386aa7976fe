// SPDX-License-Identifier: Apache-2.0
//
// Kubernetes' library for semantic versions (https://semver.org, version 2.0.0).
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/split.h"
#include "kube/cel/function.h"

namespace gantry::kube::cel {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_identifier(std::string_view text) {
  constexpr std::string_view kCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
  return !text.empty() && text.find_first_not_of(kCharacters) == std::string_view::npos;
}

bool has_leading_zero(std::string_view text) { return text.size() > 1 && text.front() == '0'; }

bool are_identifiers(std::string_view text, bool numbers_are_plain) {
  return std::ranges::all_of(split(text, '.'), [&](std::string_view part) {
    return is_identifier(part) && !(numbers_are_plain && is_number(part) && has_leading_zero(part));
  });
}

// `is_tolerant`: "v1" is read as 1.0.0, and 01.02.03 as 1.2.3.
std::optional<Version> parse_version(std::string_view text, bool is_tolerant) {
  Version version;
  if (is_tolerant && text.starts_with('v')) text.remove_prefix(1);
  if (const std::size_t plus = text.find('+'); plus != std::string_view::npos) {
    version.build = text.substr(plus + 1);
    if (!are_identifiers(version.build, false)) return {};
    text = text.substr(0, plus);
  }
  if (const std::size_t minus = text.find('-'); minus != std::string_view::npos) {
    version.prerelease = text.substr(minus + 1);
    if (!are_identifiers(version.prerelease, true)) return {};
    text = text.substr(0, minus);
  }
  const auto parts = split(text, '.');
  // What is cut short has nothing behind it.
  const bool is_short = parts.size() < 3;
  if (parts.size() > 3 ||
      (is_short && (!is_tolerant || !version.prerelease.empty() || !version.build.empty())))
    return {};
  std::uint64_t* const numbers[] = {&version.major, &version.minor, &version.patch};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!is_number(parts[i]) || (!is_tolerant && has_leading_zero(parts[i]))) return {};
    const auto read = std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), *numbers[i]);
    if (read.ec != std::errc()) return {};
  }
  return version;
}

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a;
}

// Numbers come before words.
int order_of_identifiers(std::string_view a, std::string_view b) {
  if (is_number(a) != is_number(b)) return is_number(a) ? -1 : 1;
  if (is_number(a) && a.size() != b.size()) return order(a.size(), b.size());
  return order(a, b);
}

// A version before a release comes before it.
int order_of_prereleases(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return static_cast<int>(a.empty()) - static_cast<int>(b.empty());
  const auto left = split(a, '.');
  const auto right = split(b, '.');
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
    if (const int by_part = order_of_identifiers(left[i], right[i]); by_part != 0) return by_part;
  return order(left.size(), right.size());
}

int order_of(const Call& call) {
  const Version& a = call[0].opaque<Version>();
  const Version& b = call[1].opaque<Version>();
  if (const int by_major = order(a.major, b.major); by_major != 0) return by_major;
  if (const int by_minor = order(a.minor, b.minor); by_minor != 0) return by_minor;
  if (const int by_patch = order(a.patch, b.patch); by_patch != 0) return by_patch;
  return order_of_prereleases(a.prerelease, b.prerelease);
}

bool is_tolerant(const Call& call) { return call.arguments.size() > 1 && call[1].as_bool(); }

Value make_version(const Call& call) {
  const auto version = parse_version(call.text(0), is_tolerant(call));
  if (!version) return call.error(fmt::format("'{}' is not a semantic version", call.text(0)));
  return Value::of_opaque(Kind::Semver, call.memory.make(*version));
}

Value is_version(const Call& call) {
  return Value::of_bool(parse_version(call.text(0), is_tolerant(call)).has_value());
}

template <std::uint64_t Version::* number>
Value part(const Call& call) {
  return Value::of_int(static_cast<std::int64_t>(call[0].opaque<Version>().*number));
}

constexpr Declaration kFunctions[] = {
    {"semver(string) -> semver", Cost::Parse, make_version},
    {"semver(string, bool) -> semver", Cost::Parse, make_version},
    {"isSemver(string) -> bool", Cost::Parse, is_version},
    {"isSemver(string, bool) -> bool", Cost::Parse, is_version},
    {".major(semver) -> int", Cost::One, part<&Version::major>},
    {".minor(semver) -> int", Cost::One, part<&Version::minor>},
    {".patch(semver) -> int", Cost::One, part<&Version::patch>},
    {".isGreaterThan(semver, semver) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(order_of(call) > 0); }},
    {".isLessThan(semver, semver) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(order_of(call) < 0); }},
    {".compareTo(semver, semver) -> int", Cost::One,
     [](const Call& call) { return Value::of_int(order_of(call)); }},
};

}  // namespace

std::span<const Declaration> semver_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
