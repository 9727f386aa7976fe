// SPDX-License-Identifier: Apache-2.0
#include "base/timestamp.h"

#include <chrono>

namespace gantry {
namespace {

template <std::size_t digits>
void put_decimal(char* out, unsigned value) {
  for (std::size_t i = digits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

void Timestamp::set(timespec time) {
  if (time.tv_sec != second_) set_second(time.tv_sec);
  put_decimal<9>(text_ + 20, static_cast<unsigned>(time.tv_nsec));
}

// Not gmtime_r(3), which reads the time zone files first.
void Timestamp::set_second(time_t second) {
  using namespace std::chrono;
  const sys_seconds time{seconds(second)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  put_decimal<4>(text_, static_cast<unsigned>(static_cast<int>(date.year())));
  text_[4] = '-';
  put_decimal<2>(text_ + 5, static_cast<unsigned>(date.month()));
  text_[7] = '-';
  put_decimal<2>(text_ + 8, static_cast<unsigned>(date.day()));
  text_[10] = 'T';
  put_decimal<2>(text_ + 11, static_cast<unsigned>(clock.hours().count()));
  text_[13] = ':';
  put_decimal<2>(text_ + 14, static_cast<unsigned>(clock.minutes().count()));
  text_[16] = ':';
  put_decimal<2>(text_ + 17, static_cast<unsigned>(clock.seconds().count()));
  text_[19] = '.';
  text_[29] = 'Z';
  second_ = second;
}

timespec wall_clock_now() {
  timespec now;
  (void)::clock_gettime(CLOCK_REALTIME, &now);  // cannot fail for this clock
  return now;
}

std::string format_timestamp(timespec time) {
  Timestamp timestamp;
  timestamp.set(time);
  return std::string(timestamp.data(), kTimestampSize);
}

}  // namespace gantry
