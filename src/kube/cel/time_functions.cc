// SPDX-License-Identifier: Apache-2.0
//
// Parts of timestamps, in UTC or a time zone, and of durations.
#include <chrono>

#include <fmt/format.h>

#include "kube/cel/function.h"
#include "kube/cel/time_text.h"

namespace gantry::kube::cel {
namespace {

enum class Part : std::uint8_t {
  Year,
  Month,
  DayOfYear,
  DayOfMonth,
  Date,
  DayOfWeek,
  Hours,
  Minutes,
  Seconds,
  Milliseconds
};

std::int64_t part_of(std::int64_t seconds, std::int32_t nanoseconds, Part part) {
  using namespace std::chrono;
  const sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  switch (part) {
    case Part::Year: return static_cast<int>(date.year());
    case Part::Month: return static_cast<unsigned>(date.month()) - 1;
    case Part::DayOfYear: return (day - sys_days(date.year() / January / 1)).count();
    case Part::DayOfMonth: return static_cast<unsigned>(date.day()) - 1;
    case Part::Date: return static_cast<unsigned>(date.day());
    case Part::DayOfWeek: return weekday(day).c_encoding();
    case Part::Hours: return clock.hours().count();
    case Part::Minutes: return clock.minutes().count();
    case Part::Seconds: return clock.seconds().count();
    case Part::Milliseconds: return nanoseconds / 1'000'000;
  }
  return 0;
}

template <Part part>
Value of_timestamp(const Call& call) {
  const Instant instant = call[0].as_timestamp();
  std::int64_t seconds = instant.seconds;
  if (call.arguments.size() > 1) {
    const auto offset = offset_of_zone(call.text(1), seconds);
    if (!offset) return call.error(fmt::format("unknown time zone {}", call.text(1)));
    seconds += *offset;
  }
  return Value::of_int(part_of(seconds, instant.nanoseconds, part));
}

template <std::int64_t unit>
Value of_duration(const Call& call) {
  return Value::of_int(call[0].as_duration() / unit);
}

#define GANTRY_CEL_PART(name, part)                                      \
  {"." name "(timestamp) -> int", Cost::One, of_timestamp<part>}, {      \
    "." name "(timestamp, string) -> int", Cost::One, of_timestamp<part> \
  }

constexpr Declaration kFunctions[] = {
    GANTRY_CEL_PART("getFullYear", Part::Year),
    GANTRY_CEL_PART("getMonth", Part::Month),
    GANTRY_CEL_PART("getDayOfYear", Part::DayOfYear),
    GANTRY_CEL_PART("getDayOfMonth", Part::DayOfMonth),
    GANTRY_CEL_PART("getDate", Part::Date),
    GANTRY_CEL_PART("getDayOfWeek", Part::DayOfWeek),
    GANTRY_CEL_PART("getHours", Part::Hours),
    GANTRY_CEL_PART("getMinutes", Part::Minutes),
    GANTRY_CEL_PART("getSeconds", Part::Seconds),
    GANTRY_CEL_PART("getMilliseconds", Part::Milliseconds),
    {".getHours(duration) -> int", Cost::One, of_duration<3600 * kSecond>},
    {".getMinutes(duration) -> int", Cost::One, of_duration<60 * kSecond>},
    {".getSeconds(duration) -> int", Cost::One, of_duration<kSecond>},
    {".getMilliseconds(duration) -> int", Cost::One, of_duration<kSecond / 1000>},
};

#undef GANTRY_CEL_PART

}  // namespace

std::span<const Declaration> time_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
