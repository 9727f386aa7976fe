// SPDX-License-Identifier: Apache-2.0
//
// Wall-clock time as log and exit record write it: RFC 3339 in UTC with nine
// digits, "2026-11-21T10:20:30.123456789Z". Always kTimestampSize bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace gantry {

inline constexpr std::size_t kTimestampSize = 30;

// Formats times that mostly fall into the same second as the one before: then only the digits after
// the point are written again.
class Timestamp {
 public:
  void set(timespec time);
  const char* data() const { return text_; }  // kTimestampSize bytes, no end mark

 private:
  void set_second(time_t second);
  char text_[kTimestampSize] = {};
  time_t second_ = std::numeric_limits<time_t>::min();  // none yet
};

timespec wall_clock_now();
std::int64_t wall_clock_ns();  // nanoseconds since 1970
std::string format_timestamp(timespec time);

// Nanoseconds since 1970 of an RFC 3339 time: any offset, any number of digits behind the point (what is
// finer than a nanosecond is cut). Nullopt for other text, and for years that do not fit (before 1678, after
// 2261); a leap second counts as the second after it.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

}  // namespace gantry
