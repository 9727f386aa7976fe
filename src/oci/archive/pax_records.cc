// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/pax_records.h"

#include <charconv>

#include <fmt/format.h>

#include "base/printable.h"

namespace gantry::oci {
namespace {

template <class T>
bool parse_whole(std::string_view text, T& value) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size();
}

constexpr long kNanoseconds = 1'000'000'000;

}  // namespace

Result<PaxRecord> next_pax_record(std::string_view& text) {
  const auto bad = [&] {
    return error(Code::InvalidArgument, "'{}' is not a record of an extended header", printable(text));
  };
  const std::size_t space = text.find(' ');
  std::size_t length = 0;
  if (space == std::string_view::npos || !parse_whole(text.substr(0, space), length)) return bad();
  if (length > text.size() || length < space + 3 || text[length - 1] != '\n') return bad();
  const std::string_view record = text.substr(space + 1, length - space - 2);
  const std::size_t equals = record.find('=');
  if (equals == 0 || equals == std::string_view::npos) return bad();
  text.remove_prefix(length);
  return PaxRecord{record.substr(0, equals), record.substr(equals + 1)};
}

void append_pax_record(std::string& text, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;  // space, "=" and newline
  std::size_t length = rest + 1;
  // The length counts its own digits.
  while (length != rest + fmt::formatted_size("{}", length))
    length = rest + fmt::formatted_size("{}", length);
  fmt::format_to(std::back_inserter(text), "{} {}=", length, key);
  text.append(value).append("\n");
}

Result<std::uint64_t> parse_pax_number(std::string_view text) {
  std::uint64_t value = 0;
  if (!parse_whole(text, value)) return error(Code::InvalidArgument, "'{}' is not a number", printable(text));
  return value;
}

Result<timespec> parse_pax_time(std::string_view text) {
  const auto bad = [&] { return error(Code::InvalidArgument, "'{}' is not a time", printable(text)); };
  const bool is_negative = text.starts_with('-');
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(is_negative, point - is_negative);
  std::uint64_t seconds = 0;
  if (!whole.empty() && !parse_whole(whole, seconds)) return bad();
  // One less than the largest, so that the negative one can be rounded down.
  if (seconds >= static_cast<std::uint64_t>(INT64_MAX)) return bad();
  timespec time{};
  if (point != std::string_view::npos) {
    const std::string_view fraction = text.substr(point + 1);
    long digit_value = kNanoseconds / 10;
    for (const char c : fraction) {
      if (c < '0' || c > '9') return bad();
      time.tv_nsec += (c - '0') * digit_value;
      digit_value /= 10;
    }
    if (whole.empty() && fraction.empty()) return bad();
  } else if (whole.empty()) {
    return bad();
  }
  time.tv_sec = static_cast<time_t>(seconds);
  if (is_negative) {
    time.tv_sec = -time.tv_sec;
    if (time.tv_nsec > 0) {
      time.tv_sec -= 1;
      time.tv_nsec = kNanoseconds - time.tv_nsec;
    }
  }
  return time;
}

std::string format_pax_time(timespec time) {
  std::string text;
  if (time.tv_sec < 0 && time.tv_nsec > 0) {
    time.tv_sec += 1;
    time.tv_nsec = kNanoseconds - time.tv_nsec;
    if (time.tv_sec == 0) text += '-';
  }
  fmt::format_to(std::back_inserter(text), "{}", time.tv_sec);
  if (time.tv_nsec > 0) {
    fmt::format_to(std::back_inserter(text), ".{:09}", time.tv_nsec);
    while (text.ends_with('0')) text.pop_back();
  }
  return text;
}

}  // namespace gantry::oci
