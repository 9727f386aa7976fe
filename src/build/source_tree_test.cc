// SPDX-License-Identifier: Apache-2.0
#include "build/source_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::build {
namespace {

class SourceTreeTest : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text = "x") {
    const std::string full = directory_.path() + "/" + path;
    MUST(make_directories(full.substr(0, full.rfind('/')), 0755));
    MUST(replace_file_at(AT_FDCWD, full, text, 0644));
  }
  void link(const std::string& path, const std::string& target) {
    ASSERT_EQ(::symlink(target.c_str(), (directory_.path() + "/" + path).c_str()), 0);
  }
  SourceTree tree() const {
    return {MUST(open_at(AT_FDCWD, directory_.path(), O_PATH | O_DIRECTORY)), &ignored_, Owners::Root};
  }
  std::vector<std::string> collected(const std::string& path,
                                     const std::vector<std::string>& excludes = {}) const {
    const SourceTree source = tree();
    std::vector<FileEntry> entries;
    MUST(source.collect(MUST(source.resolve(path)), "", MUST(dockerfile::IgnoreList::of(excludes)), entries));
    std::vector<std::string> targets;
    for (const FileEntry& entry : entries) targets.push_back(entry.target);
    return targets;
  }

  testing::TempDir directory_;
  dockerfile::IgnoreList ignored_;
};

using Names = std::vector<std::string>;

TEST_F(SourceTreeTest, patterns_find_what_fits_and_is_not_ignored) {
  for (const char* path : {"a.c", "b.c", "d/x.c", "d/e/y.c", "n.h"}) write(path);
  ignored_ = MUST(dockerfile::IgnoreList::parse("b.c\n", "i"));
  EXPECT_EQ(MUST(tree().find("*.c")), (Names{"a.c"}));
  EXPECT_EQ(MUST(tree().find("*/x.c")), (Names{"d/x.c"}));
  EXPECT_EQ(MUST(tree().find("**/*.c")), (Names{"a.c", "d/e/y.c", "d/x.c"}));
  EXPECT_EQ(MUST(tree().find("./a.c")), (Names{"a.c"}));
  EXPECT_TRUE(MUST(tree().find("*.none")).empty());
}

TEST_F(SourceTreeTest, links_lead_nowhere_outside) {
  write("in/file");
  link("good", "in/file");
  link("absolute", "/in");
  link("out", "../../../../../../etc/passwd");
  EXPECT_EQ(MUST(tree().resolve("good")).path, "in/file");
  EXPECT_TRUE(MUST(tree().resolve("absolute")).is_directory);
  EXPECT_FALSE(tree().resolve("out"));
  EXPECT_FALSE(tree().resolve(clean_relative("../../etc/passwd")));
}

TEST_F(SourceTreeTest, a_directory_is_collected_in_order_and_without_what_is_excluded) {
  for (const char* path : {"d/b", "d/a/1", "d/a/2.log", "d/c.log"}) write(path);
  link("d/z", "/anywhere");
  EXPECT_EQ(collected("d"), (Names{"a", "a/1", "a/2.log", "b", "c.log", "z"}));
  EXPECT_EQ(collected("d", {"*.log"}), (Names{"a", "a/1", "a/2.log", "b", "z"}));
  EXPECT_EQ(collected("d", {"**/*.log"}), (Names{"a", "a/1", "b", "z"}));
}

TEST_F(SourceTreeTest, an_exception_brings_the_directories_above_it) {
  for (const char* path : {"src/keep/x", "src/other/y", "doc/z"}) write(path);
  ignored_ = MUST(dockerfile::IgnoreList::parse("*\n!src/keep\n", "i"));
  EXPECT_EQ(collected(""), (Names{"src", "src/keep", "src/keep/x"}));
}

TEST_F(SourceTreeTest, one_file_of_two_names_is_one_file) {
  write("d/first");
  ASSERT_EQ(::link((directory_.path() + "/d/first").c_str(), (directory_.path() + "/d/second").c_str()), 0);
  const SourceTree source = tree();
  std::vector<FileEntry> entries;
  MUST(source.collect(MUST(source.resolve("d")), "", {}, entries));
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1].same_as, "first");
}

}  // namespace
}  // namespace gantry::build
