// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/copy_paths.h"

#include <gtest/gtest.h>

namespace gantry::cli::docker {
namespace {

const CopyEnd kFile{"/s/f", true, false}, kDirectory{"/s/d", true, true}, kContents{"/s/d/.", true, true};

// Where it is unpacked, and what becomes of the first name.
std::string plan(const CopyEnd& source, const CopyEnd& destination) {
  const auto made = plan_copy(source, destination);
  if (!made) return made.error().message();
  return made->directory + (made->from.empty() ? "" : " " + made->from + ">" + made->to);
}

TEST(CopyPlan, of_a_file) {
  EXPECT_EQ(plan(kFile, {"/t/new", false, false}), "/t f>new");
  EXPECT_EQ(plan(kFile, {"/t/there", true, false}), "/t f>there");
  EXPECT_EQ(plan(kFile, {"/t/dir", true, true}), "/t/dir");
  EXPECT_EQ(plan(kFile, {"/", true, true}), "/");
  EXPECT_EQ(plan(kFile, {"/new", false, false}), "/ f>new");
  EXPECT_EQ(plan(kFile, {"/t/new/", false, false}), "destination directory \"/t/new/\" does not exist");
}

TEST(CopyPlan, of_a_directory) {
  EXPECT_EQ(plan(kDirectory, {"/t/new", false, false}), "/t d>new");
  EXPECT_EQ(plan(kDirectory, {"/t/dir", true, true}), "/t/dir");
  EXPECT_EQ(plan(kContents, {"/t/dir", true, true}), "/t/dir");
  EXPECT_EQ(plan(kContents, {"/t/new", false, false}), "/t .>new");
  EXPECT_EQ(plan(kDirectory, {"/t/f", true, false}), "cannot copy directory to file \"/t/f\"");
}

TEST(CopyOperand, a_container_stands_before_a_colon) {
  const auto parts = [](std::string_view text) {
    const CopyOperand operand = parse_copy_operand(text);
    return operand.container + "|" + operand.path;
  };
  EXPECT_EQ(parts("web:/etc"), "web|/etc");
  EXPECT_EQ(parts("web:a:b"), "web|a:b");
  EXPECT_EQ(parts("/a:b"), "|/a:b");
  EXPECT_EQ(parts("./a:b"), "|./a:b");
  EXPECT_EQ(parts("-"), "|-");
}

}  // namespace
}  // namespace gantry::cli::docker
