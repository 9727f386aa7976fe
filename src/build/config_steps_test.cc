// SPDX-License-Identifier: Apache-2.0
#include "build/config_steps.h"

#include <gtest/gtest.h>

#include "dockerfile/dockerfile.h"
#include "testing/must.h"

namespace gantry::build {
namespace {

const oci::Platform kPlatform{.os = "linux", .architecture = "amd64"};

// What a stage is after these instructions.
Result<StageState> state_after(const std::string& instructions, StageState state = {},
                               const Arguments& given = {}) {
  const GlobalArguments globals(given, kPlatform, kPlatform);
  const dockerfile::Dockerfile file = TRY(dockerfile::parse("FROM x\n" + instructions, "Dockerfile"));
  for (const auto& instruction : file.stages[0].instructions)
    TRY(apply_config_step(instruction, globals, '\\', state));
  return state;
}

TEST(ConfigSteps, env_sees_what_was_set_before_its_own_instruction) {
  const StageState state = MUST(state_after("ENV a=1 b=$a\nENV c=$a a=2\n"));
  EXPECT_EQ(state.image.config.env, (std::vector<std::string>{"a=2", "b=", "c=1"}));
}

TEST(ConfigSteps, env_wins_over_arg_and_arg_over_its_default) {
  EXPECT_EQ(MUST(state_after("ARG v=1\nLABEL l=$v\n")).image.config.labels.at("l"), "1");
  EXPECT_EQ(MUST(state_after("ARG v=1\nLABEL l=$v\n", {}, {{"v", "2"}})).image.config.labels.at("l"), "2");
  EXPECT_EQ(MUST(state_after("ARG v=1\nENV v=3\nLABEL l=$v\n", {}, {{"v", "2"}})).image.config.labels.at("l"),
            "3");
}

TEST(ConfigSteps, variables_that_double_each_other_meet_an_end) {
  std::string text = "ENV a0=0123456789abcdef\n";
  for (int i = 1; i < 16; ++i)
    text += "ENV a" + std::to_string(i) + "=$a" + std::to_string(i - 1) + "$a" + std::to_string(i - 1) + "\n";
  EXPECT_TRUE(state_after(text));
  for (int i = 0; i < 40; ++i) text += "LABEL l" + std::to_string(i) + "=$a15$a15\n";
  EXPECT_EQ(state_after(text).error().code(), Code::ResourceExhausted);
}

TEST(ConfigSteps, arguments_reach_run_and_not_the_config) {
  const StageState state = MUST(state_after("ARG a=1\nARG b\nENV c=2\n"));
  EXPECT_EQ(state.image.config.env, (std::vector<std::string>{"c=2"}));
  EXPECT_EQ(state.arguments.run_environment(state.image.config.env),
            (std::vector<std::string>{"a=1", "c=2"}));
}

TEST(ConfigSteps, an_entry_point_puts_the_bases_command_aside_and_leaves_its_own) {
  StageState base;
  base.image.config.cmd = {"base"};
  EXPECT_TRUE(MUST(state_after("ENTRYPOINT [\"e\"]\n", base)).image.config.cmd.empty());
  EXPECT_EQ(MUST(state_after("CMD [\"c\"]\nENTRYPOINT [\"e\"]\n", base)).image.config.cmd,
            (std::vector<std::string>{"c"}));
}

TEST(ConfigSteps, the_shell_form_uses_the_shell) {
  EXPECT_EQ(MUST(state_after("CMD a b\n")).image.config.cmd,
            (std::vector<std::string>{"/bin/sh", "-c", "a b"}));
  EXPECT_EQ(MUST(state_after("SHELL [\"bash\", \"-ec\"]\nCMD a\n")).image.config.cmd,
            (std::vector<std::string>{"bash", "-ec", "a"}));
}

TEST(ConfigSteps, ports_have_protocols_and_ranges) {
  const auto ports = MUST(state_after("ENV P=80\nEXPOSE $P 53/UDP 8000-8001\n")).image.config.exposed_ports;
  EXPECT_EQ(ports.size(), 4u);
  for (const char* port : {"80/tcp", "53/udp", "8000/tcp", "8001/tcp"})
    EXPECT_TRUE(ports.contains(port)) << port;
  for (const char* bad : {"EXPOSE 80:80\n", "EXPOSE 70000\n", "EXPOSE 9-8\n", "EXPOSE 1/x\n"})
    EXPECT_FALSE(state_after(bad)) << bad;
}

TEST(ConfigSteps, workdir_is_relative_to_the_one_before) {
  StageState state;
  state.image.config.working_dir = "/a";
  EXPECT_EQ(MUST(working_directory({{"b/../c", {}}}, state, '\\')), "/a/c");
  EXPECT_EQ(MUST(working_directory({{"/x", {}}}, state, '\\')), "/x");
  EXPECT_FALSE(working_directory({{"$NOPE", {}}}, state, '\\'));
}

}  // namespace
}  // namespace gantry::build
