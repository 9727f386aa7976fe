// SPDX-License-Identifier: Apache-2.0
#include "docker/event_view.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::docker {
namespace {

const engine::Event kStart{.type = "container",
                           .action = "start",
                           .actor = "4f2a",
                           .attributes = {{"image", "busybox:1.36"}, {"name", "web"}, {"tier", "front"}},
                           .time = 1'763'720'430'000'000'005};
const engine::Event kExec{.type = "container", .action = "exec_create: sh -c true", .actor = "4f2a"};
const engine::Event kConnect{.type = "network",
                             .action = "connect",
                             .actor = "77aa",
                             .attributes = {{"container", "4f2a"}, {"name", "lan"}}};

bool accepts(std::string_view filters, const engine::Event& event) {
  return MUST(EventFilter::parse(filters)).accepts(event);
}

TEST(EventText, has_the_old_keys_and_the_new_ones) {
  EXPECT_EQ(event_text(kStart),
            R"({"status":"start","id":"4f2a","from":"busybox:1.36","Type":"container","Action":"start",)"
            R"("Actor":{"ID":"4f2a","Attributes":{"image":"busybox:1.36","name":"web","tier":"front"}},)"
            R"("scope":"local","time":1763720430,"timeNano":1763720430000000005})"
            "\n");
  EXPECT_TRUE(event_text(kConnect).starts_with(R"({"Type":"network","Action":"connect",)"));
}

TEST(EventFilter, knows_kinds_actions_and_labels) {
  EXPECT_TRUE(accepts("", kStart));
  EXPECT_TRUE(accepts(R"({"type":["container"],"event":["start","stop"]})", kStart));
  EXPECT_FALSE(accepts(R"({"type":["image"]})", kStart));
  EXPECT_FALSE(accepts(R"({"event":["die"]})", kStart));
  EXPECT_TRUE(accepts(R"({"event":["exec_create"]})", kExec));
  EXPECT_TRUE(accepts(R"({"label":["tier=front"]})", kStart));
  EXPECT_FALSE(accepts(R"({"label":["tier=back"]})", kStart));
}

TEST(EventFilter, finds_containers_by_id_and_name_and_what_concerns_them) {
  EXPECT_TRUE(accepts(R"({"container":["web"]})", kStart));
  EXPECT_TRUE(accepts(R"({"container":["4f"]})", kStart));
  EXPECT_FALSE(accepts(R"({"container":["db"]})", kStart));
  EXPECT_TRUE(accepts(R"({"container":["4f2a"]})", kConnect));
  EXPECT_TRUE(accepts(R"({"network":["lan"]})", kConnect));
  EXPECT_FALSE(accepts(R"({"network":["lan"]})", kStart));
}

TEST(EventFilter, finds_images_with_and_without_their_tag) {
  EXPECT_TRUE(accepts(R"({"image":["busybox"]})", kStart));
  EXPECT_TRUE(accepts(R"({"image":["busybox:1.36"]})", kStart));
  EXPECT_FALSE(accepts(R"({"image":["busybox:1"]})", kStart));
}

TEST(EventFilter, refuses_keys_that_there_are_not) {
  EXPECT_FALSE(EventFilter::parse(R"({"contaner":["x"]})"));
}

}  // namespace
}  // namespace gantry::docker
