// SPDX-License-Identifier: Apache-2.0
#include "daemon/subordinate_ids.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::daemon {
namespace {

struct SubordinateIds : ::testing::Test {
  testing::TempDir etc;
  void write(const char* subuid, const char* subgid) {
    MUST(replace_file_at(etc.fd(), "subuid", subuid, 0644));
    MUST(replace_file_at(etc.fd(), "subgid", subgid, 0644));
  }
  Result<kernel::IdMaps> ids(const char* remap) { return subordinate_ids(remap, etc.path()); }
  std::string refusal(const char* remap) { return ids(remap).error().message(); }
};

TEST_F(SubordinateIds, DefaultIsDockremap) {
  write("other:1000:10\ndockremap:100000:65536\n", "dockremap:200000:65536\n");
  const kernel::IdMaps maps = MUST(ids("default"));
  ASSERT_EQ(maps.uids.size(), 1u);
  EXPECT_EQ(maps.uids[0].inside, 0u);
  EXPECT_EQ(maps.uids[0].outside, 100000u);
  EXPECT_EQ(maps.gids[0].outside, 200000u);
  EXPECT_EQ(maps.gids[0].size, 65536u);
}

TEST_F(SubordinateIds, RangesStandOneBehindTheOther) {
  write("# ours\n\nme-there:100:10\nme-there:500:5\n", "us-there:7:1\n");
  const kernel::IdMaps maps = MUST(ids("me-there:us-there"));
  ASSERT_EQ(maps.uids.size(), 2u);
  EXPECT_EQ(maps.uids[1].inside, 10u);
  EXPECT_EQ(maps.uids[1].outside, 500u);
  EXPECT_EQ(maps.gids[0].outside, 7u);
}

TEST_F(SubordinateIds, AUserMayBeItsNumberInBothPlaces) {
  write("0:300000:9\n", "root:400000:9\n");
  EXPECT_EQ(MUST(ids("root")).uids[0].outside, 300000u);
  EXPECT_EQ(MUST(ids("0")).gids[0].outside, 400000u);
}

TEST_F(SubordinateIds, WhatIsMissingIsSaidWithTheLineThatHelps) {
  EXPECT_NE(refusal("default").find("/subuid' gives no ids to 'dockremap'; this line in it would: "
                                    "dockremap:100000:65536"),
            std::string::npos);
  write("other:100000:65536\n", "");
  EXPECT_NE(refusal("default").find("dockremap:165536:65536"), std::string::npos);
}

TEST_F(SubordinateIds, WhatMakesNoSenseIsRefused) {
  for (const char* line : {"x", "x:1", "x:a:1", "x:1:0", "x:1:1:1", "x:4294967290:10", ":1:1"})
    EXPECT_EQ(parse_subordinate_ids(line, "x", "").error().code(), Code::InvalidArgument) << line;
  for (const char* remap : {"", ":g", "u:", "u:g:h"})
    EXPECT_EQ(ids(remap).error().code(), Code::InvalidArgument) << remap;
}

}  // namespace
}  // namespace gantry::daemon
