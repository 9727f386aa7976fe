// SPDX-License-Identifier: Apache-2.0
#include "base/timestamp.h"

#include <chrono>

namespace gantry {
namespace {

template <std::size_t digits>
void put_decimal(char* out, unsigned value) {
  for (std::size_t i = digits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
}

// Takes a text apart from the front; once something is not as expected, it has failed for good.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // Exactly that many digits.
  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) value = value * 10 + digit();
    return value;
  }
  void expect(std::string_view one_of) {
    if (!next_is(one_of)) return fail();
    rest_.remove_prefix(1);
  }
  bool next_is(std::string_view one_of) const {
    return !rest_.empty() && one_of.find(rest_.front()) != std::string_view::npos;
  }
  int digit() {
    if (!next_is("0123456789")) return fail(), 0;
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }
  bool is_done() const { return !has_failed_ && rest_.empty(); }

 private:
  void fail() {
    has_failed_ = true;
    rest_ = {};
  }
  std::string_view rest_;
  bool has_failed_ = false;
};

std::int64_t scan_fraction(Scanner& text) {
  if (!text.next_is(".")) return 0;
  text.expect(".");
  std::int64_t nanoseconds = text.digit(), weight = 100'000'000;
  for (nanoseconds *= weight; text.next_is("0123456789");) nanoseconds += text.digit() * (weight /= 10);
  return nanoseconds;
}

// What is to be subtracted to come to UTC.
std::chrono::minutes scan_offset(Scanner& text) {
  if (text.next_is("Zz")) return text.expect("Zz"), std::chrono::minutes(0);
  const int sign = text.next_is("-") ? -1 : 1;
  text.expect("+-");
  const int hours = text.number(2);
  text.expect(":");
  const int minutes = text.number(2);
  return std::chrono::minutes(sign * (hours * 60 + minutes));
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

std::int64_t wall_clock_ns() {
  const timespec now = wall_clock_now();
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// RFC 3339, section 5.6.
std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  using namespace std::chrono;
  Scanner scanner(text);
  const year year(scanner.number(4));
  scanner.expect("-");
  const month month(static_cast<unsigned>(scanner.number(2)));
  scanner.expect("-");
  const day day(static_cast<unsigned>(scanner.number(2)));
  scanner.expect("Tt ");
  const int hour = scanner.number(2);
  scanner.expect(":");
  const int minute = scanner.number(2);
  scanner.expect(":");
  const int second = scanner.number(2);
  const std::int64_t fraction = scan_fraction(scanner);
  const minutes offset = scan_offset(scanner);
  const year_month_day date(year, month, day);
  if (!scanner.is_done() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  if (year < std::chrono::year(1678) || year > std::chrono::year(2261)) return std::nullopt;
  const auto time = sys_days(date) + hours(hour) + minutes(minute) + seconds(second) - offset;
  return duration_cast<nanoseconds>(time.time_since_epoch()).count() + fraction;
}

std::string format_timestamp(timespec time) {
  Timestamp timestamp;
  timestamp.set(time);
  return std::string(timestamp.data(), kTimestampSize);
}

}  // namespace gantry
