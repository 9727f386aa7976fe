// SPDX-License-Identifier: Apache-2.0
//
// Wall-clock time as log and exit record write it: RFC 3339 in UTC with nine
// digits, "2026-11-21T10:20:30.123456789Z". Always kTimestampSize bytes.
#pragma once

#include <cstddef>
#include <ctime>
#include <limits>
#include <string>

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
std::string format_timestamp(timespec time);

}  // namespace gantry
