// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/time_text.h"

#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"

namespace gantry::kube::cel {
namespace {

// Takes a text apart from the front; once something is not as expected, it has failed for good.
class Scan {
 public:
  explicit Scan(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) value = value * 10 + digit();
    return value;
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { failed_ = !take(c) || failed_; }
  bool is_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  int digit() {
    if (!is_digit()) {
      failed_ = true;
      return 0;
    }
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }
  bool failed() const { return failed_; }
  bool is_done() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

std::optional<std::int64_t> scan_day(Scan& scan) {
  const std::chrono::year year(scan.number(4));
  scan.expect('-');
  const std::chrono::month month(static_cast<unsigned>(scan.number(2)));
  scan.expect('-');
  const std::chrono::day day(static_cast<unsigned>(scan.number(2)));
  const std::chrono::year_month_day date(year, month, day);
  if (scan.failed() || !date.ok() || static_cast<int>(year) < 1) return {};
  return std::chrono::sys_days(date).time_since_epoch().count() * 86'400;
}

std::int32_t scan_fraction(Scan& scan) {
  if (!scan.take('.')) return 0;
  std::int32_t weight = 100'000'000;
  std::int32_t nanoseconds = scan.digit() * weight;
  while (scan.is_digit()) nanoseconds += scan.digit() * (weight /= 10);
  return nanoseconds;
}

// What is to be subtracted to come to UTC, in seconds.
std::int64_t scan_offset(Scan& scan) {
  if (scan.take('Z') || scan.take('z')) return 0;
  const int sign = scan.take('-') ? -1 : 1;
  if (sign == 1) scan.expect('+');
  const int hours = scan.number(2);
  scan.expect(':');
  return sign * (hours * 3600 + scan.number(2) * 60);
}

std::optional<std::int64_t> fixed_offset(std::string_view zone) {
  if (zone.empty() || zone == "UTC" || zone == "Z") return 0;
  const int sign = zone.front() == '-' ? -1 : 1;
  if (zone.front() == '-' || zone.front() == '+') zone.remove_prefix(1);
  Scan scan(zone);
  const int hours = scan.number(zone.find(':') == 1 ? 1 : 2);
  scan.expect(':');
  const int minutes = scan.number(2);
  if (!scan.is_done()) return {};
  return sign * (hours * 3600 + minutes * 60);
}

// A file of the time zone database (RFC 8536), the second, 64-bit part of it.
class ZoneFile {
 public:
  explicit ZoneFile(std::string bytes) : bytes_(std::move(bytes)) {}

  // Nothing if it is no such file. What comes after its last change has the offset of that change: rules
  // for the years behind the table are not read.
  std::optional<std::int64_t> offset_at(std::int64_t seconds) const {
    if (!bytes_.starts_with("TZif") || bytes_.size() < kHeader || bytes_[4] < '2') return {};
    const std::size_t second = kHeader + size_of_part(0, 4);
    if (bytes_.size() < second + kHeader) return {};
    const std::uint64_t times = number(second + 32, 4);
    const std::uint64_t types = number(second + 36, 4);
    const std::size_t at_times = second + kHeader;
    const std::size_t at_indexes = at_times + times * 8;
    const std::size_t at_types = at_indexes + times;
    if (types == 0 || bytes_.size() < at_types + types * 6) return {};
    std::size_t type = 0;
    for (std::uint64_t i = 0; i < times; ++i) {
      if (static_cast<std::int64_t>(number(at_times + i * 8, 8)) > seconds) break;
      type = static_cast<unsigned char>(bytes_[at_indexes + i]);
    }
    if (type >= types) return {};
    return static_cast<std::int32_t>(number(at_types + type * 6, 4));
  }

 private:
  static constexpr std::size_t kHeader = 44;

  std::uint64_t number(std::size_t at, std::size_t size) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = (value << 8) | static_cast<unsigned char>(bytes_[at + i]);
    return value;
  }
  std::size_t size_of_part(std::size_t header, std::size_t time_size) const {
    const auto count = [&](std::size_t index) { return number(header + 20 + index * 4, 4); };
    return count(0) + count(1) + count(2) * (time_size + 4) + count(3) * (time_size + 1) + count(4) * 6 +
           count(5);
  }

  std::string bytes_;
};

bool is_zone_name(std::string_view zone) {
  constexpr std::string_view kCharacters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
  return zone.size() < 64 && zone.find_first_not_of(kCharacters) == std::string_view::npos &&
         !zone.starts_with('/');
}

}  // namespace

std::optional<Instant> parse_instant(std::string_view text) {
  Scan scan(text);
  const auto day = scan_day(scan);
  if (!day) return {};
  if (!scan.take('t')) scan.expect('T');
  const int hour = scan.number(2);
  scan.expect(':');
  const int minute = scan.number(2);
  scan.expect(':');
  const int second = scan.number(2);
  const std::int32_t nanoseconds = scan_fraction(scan);
  const std::int64_t offset = scan_offset(scan);
  if (!scan.is_done() || hour > 23 || minute > 59 || second > 59) return {};
  const Instant instant{*day + hour * 3600 + minute * 60 + second - offset, nanoseconds,
                        static_cast<std::int32_t>(offset / 60)};
  if (instant.seconds < kFirstSecond || instant.seconds > kLastSecond) return {};
  return instant;
}

std::optional<Instant> parse_date(std::string_view text) {
  Scan scan(text);
  const auto day = scan_day(scan);
  return day && scan.is_done() ? std::optional(Instant{*day, 0}) : std::nullopt;
}

std::string format_instant(Instant instant) {
  const std::chrono::sys_seconds time{std::chrono::seconds(instant.seconds + instant.offset_minutes * 60)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (instant.nanoseconds != 0) {
    text += fmt::format(".{:09}", instant.nanoseconds);
    text.erase(text.find_last_not_of('0') + 1);
  }
  const int offset = instant.offset_minutes;
  if (offset == 0) return text + "Z";
  return text +
         fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', std::abs(offset) / 60, std::abs(offset) % 60);
}

std::string format_seconds(std::int64_t nanoseconds) {
  const bool is_negative = nanoseconds < 0;
  const std::uint64_t size =
      is_negative ? 0 - static_cast<std::uint64_t>(nanoseconds) : static_cast<std::uint64_t>(nanoseconds);
  std::string text = fmt::format("{}{}", is_negative ? "-" : "", size / kSecond);
  if (size % kSecond != 0) {
    text += fmt::format(".{:09}", size % kSecond);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "s";
}

std::optional<std::int64_t> offset_of_zone(std::string_view zone, std::int64_t seconds) {
  if (const auto fixed = fixed_offset(zone)) return fixed;
  if (!is_zone_name(zone)) return {};
  auto bytes = read_file(fmt::format("/usr/share/zoneinfo/{}", zone));
  return bytes ? ZoneFile(std::move(*bytes)).offset_at(seconds) : std::nullopt;
}

}  // namespace gantry::kube::cel
