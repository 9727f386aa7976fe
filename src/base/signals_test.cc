// SPDX-License-Identifier: Apache-2.0
#include "base/signals.h"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "testing/must.h"

namespace gantry {
namespace {

TEST(Signals, have_numbers) {
  EXPECT_EQ(MUST(parse_signal("0")), 0);
  EXPECT_EQ(MUST(parse_signal("9")), SIGKILL);
  EXPECT_EQ(MUST(parse_signal("64")), SIGRTMAX);
  for (int signal = 1; signal <= 64; ++signal) EXPECT_EQ(MUST(parse_signal(std::to_string(signal))), signal);
}

TEST(Signals, have_names_with_and_without_sig_in_either_case) {
  for (const char* name : {"TERM", "SIGTERM", "term", "sigterm", "SigTerm"})
    EXPECT_EQ(MUST(parse_signal(name)), SIGTERM) << name;
  const struct {
    const char* name;
    int signal;
  } names[] = {{"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"ABRT", SIGABRT},
               {"KILL", SIGKILL},     {"USR1", SIGUSR1}, {"USR2", SIGUSR2},   {"CHLD", SIGCHLD},
               {"CONT", SIGCONT},     {"STOP", SIGSTOP}, {"WINCH", SIGWINCH}, {"PWR", SIGPWR},
               {"STKFLT", SIGSTKFLT}, {"SYS", SIGSYS},   {"URG", SIGURG}};
  for (const auto& [name, signal] : names) EXPECT_EQ(MUST(parse_signal(name)), signal) << name;
}

TEST(Signals, have_second_names_that_people_use) {
  EXPECT_EQ(MUST(parse_signal("SIGIO")), SIGIO);
  EXPECT_EQ(MUST(parse_signal("POLL")), SIGPOLL);
  EXPECT_EQ(MUST(parse_signal("IOT")), SIGIOT);
  EXPECT_EQ(MUST(parse_signal("CLD")), SIGCHLD);
}

TEST(Signals, of_real_time_are_counted_from_either_end) {
  EXPECT_EQ(MUST(parse_signal("RTMIN")), SIGRTMIN);
  EXPECT_EQ(MUST(parse_signal("SIGRTMIN+3")), SIGRTMIN + 3);
  EXPECT_EQ(MUST(parse_signal("rtmin+0")), SIGRTMIN);
  EXPECT_EQ(MUST(parse_signal("RTMAX")), SIGRTMAX);
  EXPECT_EQ(MUST(parse_signal("RTMAX-1")), SIGRTMAX - 1);
  EXPECT_EQ(MUST(parse_signal("RTMIN+30")), SIGRTMAX);
}

TEST(Signals, that_do_not_exist_are_refused) {
  for (const char* text : {"",
                           " ",
                           "SIG",
                           "-1",
                           "+9",
                           "65",
                           "9 ",
                           " 9",
                           "9x",
                           "0x9",
                           "99999999999999999999",
                           "TERMINATE",
                           "SIGSIGTERM",
                           "RTMIN-1",
                           "RTMAX+1",
                           "RTMIN+",
                           "RTMIN+31",
                           "RTMAX-31",
                           "RTMIN+-1",
                           "RTMAX--1",
                           "RTMIN+2147483647",
                           "RTMAX-2147483647",
                           "RTMAX--2147483648",
                           "RTMIN+99999999999",
                           "RTMINUTE",
                           "T\nERM"}) {
    const auto signal = parse_signal(text);
    ASSERT_FALSE(signal) << text;
    EXPECT_EQ(signal.error().code(), Code::InvalidArgument);
  }
  EXPECT_FALSE(parse_signal(std::string_view("TERM\0", 5)));
}

TEST(Signals, the_error_says_which) {
  EXPECT_EQ(parse_signal("TEMR").error().message(), "unknown signal 'TEMR'");
  EXPECT_EQ(parse_signal("\x1b[31m").error().message(), "unknown signal '\\x1b[31m'")
      << "a terminal must not obey it";
}

}  // namespace
}  // namespace gantry
