// SPDX-License-Identifier: Apache-2.0
#include "base/options.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry {
namespace {

class Options : public ::testing::Test {
 protected:
  Result<std::vector<std::string>> parse(std::vector<std::string> arguments,
                                         Operands operands = Operands::Anywhere) {
    const Option options[] = {{'d', "detach", "", &detach_, "Leave it running"},
                              {'q', "quiet", "", &quiet_, "Say less"},
                              {'b', "bundle", "DIR", &bundle_, "Where config.json is"},
                              {'e', "env", "K=V", &env_, "One more variable"},
                              {0, "preserve-fds", "N", &fds_, "Descriptors to pass on"},
                              {0, "memory", "BYTES", &memory_, "Limit"}};
    return parse_options(options, arguments, operands);
  }
  bool detach_ = false;
  bool quiet_ = false;
  std::string bundle_ = ".";
  std::vector<std::string> env_;
  int fds_ = 0;
  std::optional<std::int64_t> memory_;
};

TEST_F(Options, come_in_every_usual_form) {
  EXPECT_EQ(
      MUST(parse({"-qd", "--bundle=/b", "id", "-e", "A=1", "-eB=2", "-env", "C=3", "--preserve-fds", "2"})),
      std::vector<std::string>{"id"});
  EXPECT_TRUE(detach_);
  EXPECT_TRUE(quiet_);
  EXPECT_EQ(bundle_, "/b");
  EXPECT_EQ(env_, (std::vector<std::string>{"A=1", "B=2", "C=3"}));
  EXPECT_EQ(fds_, 2);
}

TEST_F(Options, a_value_may_look_like_an_option) {
  MUST(parse({"--memory", "-1"}));
  EXPECT_EQ(memory_, -1);
}

TEST_F(Options, end_at_the_first_operand_when_a_command_follows) {
  EXPECT_EQ(MUST(parse({"-d", "id", "ls", "-q"}, Operands::EndTheOptions)),
            (std::vector<std::string>{"id", "ls", "-q"}));
  EXPECT_FALSE(quiet_);
}

TEST_F(Options, two_dashes_end_them) {
  EXPECT_EQ(MUST(parse({"--", "-d"})), std::vector<std::string>{"-d"});
  EXPECT_FALSE(detach_);
}

TEST_F(Options, a_flag_can_be_switched_off) {
  MUST(parse({"-d", "--detach=false"}));
  EXPECT_FALSE(detach_);
}

TEST_F(Options, what_is_wrong_is_named) {
  EXPECT_EQ(parse({"--nope"}).error().message(), "unknown option '--nope'");
  EXPECT_EQ(parse({"--nope=secret"}).error().message(), "unknown option '--nope'");
  EXPECT_EQ(parse({"-dx"}).error().message(), "unknown option '-x'");
  EXPECT_EQ(parse({std::string("-\0", 2)}).error().message(), "unknown option '-\\x00'");
  EXPECT_EQ(parse({"--bundle"}).error().message(), "option '--bundle' needs a value");
  EXPECT_EQ(parse({"--preserve-fds=x"}).error().message(),
            "option '--preserve-fds' needs a whole number, not 'x'");
  EXPECT_EQ(parse({"--detach=maybe"}).error().message(),
            "option '--detach' is either true or false, not 'maybe'");
}

TEST(OptionsThatAreChecked, take_only_what_they_accept) {
  std::string size;
  const Option options[] = {
      {'m', "memory", "SIZE", &size, "Limit", [](std::string_view text) { return text.ends_with('m'); }}};
  const auto parse = [&](std::string argument) {
    return parse_options(options, std::vector<std::string>{std::move(argument)}, Operands::Anywhere);
  };
  MUST(parse("-m5m"));
  EXPECT_EQ(size, "5m");
  EXPECT_EQ(parse("--memory=much").error().message(), "option '--memory' needs SIZE, not 'much'");
  EXPECT_EQ(size, "5m");
}

TEST(DescribeOptions, lines_up) {
  bool flag = false;
  std::string text;
  const Option options[] = {{'f', "flag", "", &flag, "A flag"}, {0, "text", "WORD", &text, "A word"}};
  EXPECT_EQ(describe_options(options), "  -f, --flag       A flag\n      --text WORD  A word\n");
}

}  // namespace
}  // namespace gantry
