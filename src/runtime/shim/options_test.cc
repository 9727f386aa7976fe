// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/options.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::shim {
namespace {

Result<Options> parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--id", "web", "--bundle", "/b", "--runtime", "/r", "--state", "/s"});
  return parse_command_line(arguments);
}

std::string refusal(std::vector<std::string> arguments) {
  const auto options = parse(std::move(arguments));
  return options ? "accepted" : options.error().message();
}

TEST(Options, come_with_their_value_in_the_next_argument_or_behind_an_equals_sign) {
  const Options options =
      MUST(parse({"--log-path=/l/a=b", "--log-max-size", "1000", "--log-max-files=3", "--terminal", "--size",
                  "24x80", "--stdin=open", "--create-arg", "--no-pivot"}));
  EXPECT_EQ(options.id, "web");
  EXPECT_EQ(options.log.path, "/l/a=b");
  EXPECT_EQ(options.log.max_bytes, 1000u);
  EXPECT_EQ(options.log.max_files, 3u);
  EXPECT_TRUE(options.terminal);
  EXPECT_TRUE(options.open_stdin);
  EXPECT_EQ(options.size, (WindowSize{24, 80}));
  EXPECT_EQ(options.create_args, std::vector<std::string>{"--no-pivot"});
}

TEST(Options, say_what_is_wrong_with_them) {
  EXPECT_EQ(refusal({"--log-max-size", "-1"}), "option --log-max-size: must not be negative");
  EXPECT_EQ(refusal({"--log-max-files", "0"}), "option --log-max-files: must be at least 1");
  EXPECT_EQ(refusal({"--state", "relative"}), "option --state: 'relative' is not an absolute path");
  EXPECT_EQ(refusal({"--id", "../x"}), "option --id: '../x' is not a container id");
  EXPECT_EQ(refusal({"--id", "-x"}), "option --id: '-x' is not a container id");
  EXPECT_EQ(refusal({"--size", "80"}), "option --size: '80' is not ROWSxCOLUMNS");
  EXPECT_EQ(refusal({"--size", "80x"}), "option --size: '80x' is not ROWSxCOLUMNS");
  EXPECT_EQ(refusal({"--stdin", "maybe"}), "option --stdin: 'maybe' is neither open nor null");
  EXPECT_EQ(refusal({"run"}), "unexpected argument 'run'");
}

}  // namespace
}  // namespace gantry::shim
