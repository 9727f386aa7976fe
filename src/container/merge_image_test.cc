// SPDX-License-Identifier: Apache-2.0
#include "container/merge_image.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::container {
namespace {

using List = std::vector<std::string>;

const oci::ContainerConfig& image() {
  static const oci::ContainerConfig config{
      .user = "web",
      .exposed_ports = {{"80/tcp", {}}},
      .env = {"PATH=/image", "KEEP=1"},
      .entrypoint = {"/entry"},
      .cmd = {"serve"},
      .volumes = {{"/data", {}}},
      .working_dir = "/srv",
      .labels = {{"a", "image"}, {"b", "image"}},
      .stop_signal = "SIGQUIT",
      .stop_timeout = 3,
      .healthcheck = HealthConfig{.test = {"CMD", "probe"}, .interval = 7}};
  return config;
}

TEST(MergeImage, an_empty_config_is_the_images) {
  const Config config = MUST(merge_image({}, image()));
  EXPECT_EQ(config.user, "web");
  EXPECT_EQ(config.working_dir, "/srv");
  EXPECT_EQ(config.stop_signal, "SIGQUIT");
  EXPECT_EQ(config.stop_timeout, 3);
  EXPECT_EQ(config.entrypoint, Words{"/entry"});
  EXPECT_EQ(config.cmd, Words{"serve"});
  EXPECT_EQ(config.env, (List{"PATH=/image", "KEEP=1"}));
}

TEST(MergeImage, a_command_of_its_own_keeps_the_entrypoint) {
  const Config config = MUST(merge_image({.cmd = {"sh"}}, image()));
  EXPECT_EQ(config.entrypoint, Words{"/entry"});
  EXPECT_EQ(config.cmd, Words{"sh"});
}

TEST(MergeImage, an_entrypoint_of_its_own_puts_the_images_command_aside) {
  const Config config = MUST(merge_image({.entrypoint = Words{"/mine"}}, image()));
  EXPECT_EQ(config.entrypoint, Words{"/mine"});
  EXPECT_TRUE(config.cmd.empty());
}

TEST(MergeImage, an_empty_word_as_entrypoint_means_none_at_all) {
  const Config config = MUST(merge_image({.cmd = {"sh"}, .entrypoint = Words{""}}, image()));
  EXPECT_FALSE(config.entrypoint);
  EXPECT_EQ(config.cmd, Words{"sh"});
  EXPECT_EQ(merge_image({.entrypoint = Words{""}}, image()).error().message(), "no command specified");
}

TEST(MergeImage, an_empty_list_as_entrypoint_leaves_the_images_command) {
  const Config config = MUST(merge_image({.entrypoint = Words{}}, image()));
  EXPECT_TRUE(config.entrypoint->empty());
  EXPECT_EQ(config.cmd, Words{"serve"});
}

TEST(MergeImage, sets_are_joined_and_what_the_container_says_wins) {
  const Config config = MUST(merge_image({.exposed_ports = {{"81/tcp", {}}},
                                          .env = {"PATH=/mine", "NEW=2"},
                                          .volumes = {{"/more", {}}},
                                          .labels = {{"a", "mine"}}},
                                         image()));
  EXPECT_EQ(config.exposed_ports.size(), 2U);
  EXPECT_EQ(config.volumes.size(), 2U);
  EXPECT_EQ(config.labels, (StringMap{{"a", "mine"}, {"b", "image"}}));
  EXPECT_EQ(config.env, (List{"PATH=/mine", "NEW=2", "KEEP=1"}));
}

TEST(MergeImage, a_health_check_is_merged_field_by_field) {
  const Config config = MUST(merge_image({.healthcheck = HealthConfig{.retries = 9}}, image()));
  EXPECT_EQ(config.healthcheck->test, (List{"CMD", "probe"}));
  EXPECT_EQ(config.healthcheck->interval, 7);
  EXPECT_EQ(config.healthcheck->retries, 9);
}

TEST(MergeImage, without_any_command_there_is_no_container) {
  EXPECT_EQ(merge_image({}, {}).error().message(), "no command specified");
  EXPECT_EQ(merge_image({}, {}).error().code(), Code::InvalidArgument);
}

TEST(MergeEnvironment, changes_in_place_adds_behind_and_takes_away) {
  EXPECT_EQ(merge_environment({"A=1", "B=2", "C=3"}, {"D=4", "B=5", "A", "X"}), (List{"B=5", "C=3", "D=4"}));
  EXPECT_EQ(merge_environment({"A=1"}, {"A="}), List{"A="});
}

}  // namespace
}  // namespace gantry::container
