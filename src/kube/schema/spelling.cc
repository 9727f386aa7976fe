// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/spelling.h"

#include <chrono>
#include <cstdint>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/printable.h"
#include "base/timestamp.h"
#include "kube/api/quantity.h"

namespace gantry::kube {
namespace {

using Spelling = Result<std::optional<std::string>>;
constexpr std::nullopt_t kAsItIs = std::nullopt;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// ---- Times

constexpr std::string_view kTimePattern = "0000-00-00T00:00:00";

int two_digits(std::string_view text, std::size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); }

// Of a text that looks like the pattern: whether there is such a day and such a time.
bool is_on_the_calendar(std::string_view text) {
  using std::chrono::day, std::chrono::month, std::chrono::year, std::chrono::year_month_day;
  const int years = two_digits(text, 0) * 100 + two_digits(text, 2);
  const year_month_day date{year(years), month(static_cast<unsigned>(two_digits(text, 5))),
                            day(static_cast<unsigned>(two_digits(text, 8)))};
  return date.ok() && two_digits(text, 11) < 24 && two_digits(text, 14) < 60 && two_digits(text, 17) < 60;
}

// "2026-11-21T10:00:00Z", with `digits` behind the point if there are to be any.
bool is_canonical_time(std::string_view text, std::size_t digits) {
  const std::size_t size = kTimePattern.size() + (digits == 0 ? 0 : 1 + digits) + 1;
  if (text.size() != size || !text.ends_with('Z')) return false;
  for (std::size_t i = 0; i + 1 < size; ++i) {
    const char pattern = i < kTimePattern.size() ? kTimePattern[i] : i == kTimePattern.size() ? '.' : '0';
    if (pattern == '0' ? !is_digit(text[i]) : text[i] != pattern) return false;
  }
  return is_on_the_calendar(text);
}

Spelling time(std::string_view text, std::size_t digits) {
  if (is_canonical_time(text, digits)) return kAsItIs;
  const std::optional<std::int64_t> ns = parse_timestamp(text);
  if (!ns)
    return error(Code::InvalidArgument,
                 "parsing time \"{}\" as \"2006-01-02T15:04:05{}Z07:00\": cannot parse it", printable(text),
                 digits == 0 ? "" : ".000000");
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t fraction = ((*ns % kSecond) + kSecond) % kSecond;
  std::string spelling = format_timestamp({.tv_sec = (*ns - fraction) / kSecond, .tv_nsec = fraction});
  spelling.resize(kTimePattern.size() + (digits == 0 ? 0 : 1 + digits));
  return spelling + "Z";
}

// ---- Durations

// "1h30m0s", "1.5s", "20ms": units that are not needed are left out, but for those behind the first.
std::string duration_text(std::int64_t ns) {
  if (ns == 0) return "0s";
  const char* const sign = ns < 0 ? "-" : "";
  const std::uint64_t size = ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  const auto fraction = [](std::uint64_t value, std::uint64_t unit) {
    std::string text = fmt::format("{}", value / unit);
    if (value % unit == 0) return text;
    std::string digits = fmt::format("{}", unit + value % unit);  // a one, then the digits with their zeros
    while (digits.ends_with('0')) digits.pop_back();
    return fmt::format("{}.{}", text, digits.substr(1));
  };
  if (size < 1'000) return fmt::format("{}{}ns", sign, size);
  if (size < 1'000'000) return fmt::format("{}{}µs", sign, fraction(size, 1'000));
  if (size < 1'000'000'000) return fmt::format("{}{}ms", sign, fraction(size, 1'000'000));
  constexpr std::uint64_t kMinute = 60'000'000'000;
  const std::string seconds = fraction(size % kMinute, 1'000'000'000) + "s";
  const std::uint64_t minutes = size / kMinute;
  if (minutes == 0) return sign + seconds;
  if (minutes < 60) return fmt::format("{}{}m{}", sign, minutes, seconds);
  return fmt::format("{}{}h{}m{}", sign, minutes / 60, minutes % 60, seconds);
}

Spelling duration(std::string_view text) {
  const Result<std::chrono::nanoseconds> value = parse_duration(text);
  if (!value) return error(Code::InvalidArgument, "time: invalid duration \"{}\"", printable(text));
  std::string spelling = duration_text(value->count());
  return spelling == text ? Spelling(kAsItIs) : Spelling(std::move(spelling));
}

// ---- Quantities

Spelling quantity(std::string_view text) {
  const Result<Quantity> value = Quantity::parse(text);
  if (!value)
    return error(Code::InvalidArgument,
                 "quantities must match the regular expression "
                 "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  std::string spelling = value->text();
  return spelling == text ? Spelling(kAsItIs) : Spelling(std::move(spelling));
}

// ---- Bytes

bool is_base64_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is_digit(c) || c == '+' || c == '/';
}

// Where `text` stops being base64 in the standard alphabet with padding; nothing if it does not.
std::optional<std::size_t> mistake_in_base64(std::string_view text) {
  std::size_t letters = 0;
  while (letters < text.size() && is_base64_letter(text[letters])) ++letters;
  const std::size_t padding = (4 - letters % 4) % 4;
  const std::string_view rest = text.substr(letters);
  const bool is_padded = rest.size() == padding && rest.find_first_not_of('=') == std::string_view::npos;
  return padding < 3 && is_padded ? std::nullopt : std::optional(letters);
}

// Line breaks inside are allowed, and go.
Spelling bytes(std::string_view text) {
  std::optional<std::string> joined;
  if (text.find_first_of("\r\n") != std::string_view::npos) {
    joined = std::string(text);
    std::erase_if(*joined, [](char c) { return c == '\r' || c == '\n'; });
    text = *joined;
  }
  if (const std::optional<std::size_t> at = mistake_in_base64(text))
    return error(Code::InvalidArgument, "illegal base64 data at input byte {}", *at);
  return joined;
}

}  // namespace

Result<std::optional<std::string>> canonical_spelling(Form form, std::string_view text) {
  switch (form) {
    case Form::Time: return time(text, 0);
    case Form::MicroTime: return time(text, 6);
    case Form::Duration: return duration(text);
    case Form::Quantity: return quantity(text);
    case Form::Bytes: return bytes(text);
    default: return kAsItIs;
  }
}

}  // namespace gantry::kube
