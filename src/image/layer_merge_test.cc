// SPDX-License-Identifier: Apache-2.0
#include "image/layer_merge.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "image/layer_diff.h"
#include "image/test_layers.h"
#include "oci/archive/tar_writer.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::TempDir;

// The layer of a directory that the commands have filled. All times are the same.
std::string layer_of(const std::string& commands) {
  TempDir dir;
  const std::string line =
      "set -e; cd '" + dir.path() + "'; " + commands + "; find . -exec touch -hd @1 {} +";
  EXPECT_EQ(std::system(line.c_str()), 0);
  StringSink sink;
  MUST(write_layer(dir.fd(), {}, {}, sink));
  return sink.take();
}

// Of entries in this order; what ends in a slash is a directory.
std::string tar_of(const std::vector<std::string>& paths) {
  StringSink sink;
  oci::TarWriter writer(sink);
  for (const std::string& path : paths)
    MUST(writer.add(
        {.type = path.ends_with('/') ? oci::TarType::Directory : oci::TarType::File, .path = path}));
  MUST(writer.finish());
  return sink.take();
}

Result<std::string> merge(const std::string& layer, const std::string& change, bool removes_for_good = true,
                          MergedLayer* merged = nullptr) {
  StringSource before(layer), changed(change);
  StringSink sink;
  const auto result = TRY(merge_layers(before, changed, {.removes_for_good = removes_for_good}, sink));
  if (merged != nullptr) *merged = result;
  return sink.take();
}

constexpr const char* kFiles =
    "mkdir -p a/b c; echo 1 > a/b/one; echo 2 > a/two; echo 3 > a.file; ln -s x c/link; echo 4 > c/four; "
    "truncate -s 1M c/holes; echo end >> c/holes";

TEST(LayerMerge, AnEmptyChangeChangesNothing) {
  MergedLayer merged;
  EXPECT_EQ(MUST(merge(layer_of(kFiles), layer_of("true"), true, &merged)), layer_of(kFiles));
  EXPECT_EQ(merged.size, 2U + 2 + 2 + 2 + (1 << 20) + 4);
}

TEST(LayerMerge, TheResultIsTheLayerOfTheChangedFiles) {
  const std::string files = kFiles;
  EXPECT_EQ(MUST(merge(layer_of(files), layer_of("mkdir a; echo new > a/two; chmod 700 a; echo z > z"))),
            layer_of(files + "; echo new > a/two; chmod 700 a; echo z > z"));
  EXPECT_EQ(MUST(merge(layer_of(files), layer_of("mkdir -p a/b/d a.dir; echo x > a/b/d/x; echo 0 > 0"))),
            layer_of(files + "; mkdir -p a/b/d a.dir; echo x > a/b/d/x; echo 0 > 0"));
}

TEST(LayerMerge, WhatIsRemovedIsGoneWithAllThatWasInIt) {
  const std::string layer = tar_of({"a/", "a/b/", "a/b/x", "a/b.x", "c"});
  const std::string change = tar_of({"a/", "a/.wh.b", ".wh.c"});
  EXPECT_EQ(paths_in(MUST(merge(layer, change))), (std::vector<std::string>{"a/", "a/b.x"}));
  EXPECT_EQ(paths_in(MUST(merge(layer, change, false))),
            (std::vector<std::string>{"a/", "a/.wh.b", "a/b.x", ".wh.c"}));
}

TEST(LayerMerge, AFileTakesThePlaceOfADirectory) {
  EXPECT_EQ(paths_in(MUST(merge(tar_of({"a/", "a/x", "b"}), tar_of({"a"})))),
            (std::vector<std::string>{"a", "b"}));
}

TEST(LayerMerge, ADirectoryThatIsNewBelowOneThatHidesAllSaysNothingOfIt) {
  EXPECT_EQ(paths_in(MUST(merge(tar_of({"a/", "a/.wh..wh..opq", "a/x"}),
                                tar_of({"a/", "a/n/", "a/n/.wh..wh..opq", "a/n/y"})))),
            (std::vector<std::string>{"a/", "a/.wh..wh..opq", "a/n/", "a/n/y", "a/x"}));
  EXPECT_EQ(paths_in(MUST(merge(tar_of({"a/", "a/x"}), tar_of({"a/", "a/n/", "a/n/.wh..wh..opq"})))),
            (std::vector<std::string>{"a/", "a/n/", "a/n/.wh..wh..opq", "a/x"}));
}

TEST(LayerMerge, ADirectoryThatWasMadeAnewHidesItsOldSelf) {
  EXPECT_EQ(paths_in(MUST(merge(tar_of({"a/", "a/x", "b"}), tar_of({"a/", "a/.wh..wh..opq", "a/y"})))),
            (std::vector<std::string>{"a/", "a/.wh..wh..opq", "a/y", "b"}));
}

TEST(LayerMerge, AnotherNameOfAFileThatIsReplacedIsRefused) {
  const std::string linked = layer_of("echo 1 > a; ln a b");
  EXPECT_EQ(MUST(merge(linked, layer_of("echo 2 > c"))), layer_of("echo 1 > a; ln a b; echo 2 > c"));
  EXPECT_EQ(merge(linked, layer_of("echo 2 > a")).error().code(), Code::Unsupported);
}

TEST(LayerMerge, WhatIsNotInOrderOrNoTarIsRefused) {
  EXPECT_EQ(merge(tar_of({"b", "a"}), tar_of({})).error().code(), Code::InvalidArgument);
  EXPECT_EQ(merge(tar_of({"a", "a"}), tar_of({})).error().code(), Code::InvalidArgument);
  EXPECT_FALSE(merge("no tar", tar_of({})));
}

}  // namespace
}  // namespace gantry::image
