// SPDX-License-Identifier: Apache-2.0
#include "engine/commit.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "engine/changes.h"
#include "engine/disk_usage.h"
#include "image/test_images.h"
#include "oci/image/chain_id.h"
#include "testing/child.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

using image::ChangeKind;
using testing::TempDir;

// A container of a small image: a snapshot that is changed in its writable layer, as an overlay would.
struct Committing : ::testing::Test {
  TempDir root;
  std::unique_ptr<image::TestStore> store;
  oci::Digest image;
  std::string upper;

  void SetUp() override {
    NEEDS_ROOT();
    store = std::make_unique<image::TestStore>(root.path());
    const image::TestImage made({image::tar_of({{"etc/", "", oci::TarType::Directory, {}, 0755},
                                                {"etc/motd", "hello"},
                                                {"bin/", "", oci::TarType::Directory, {}, 0755}})});
    made.put(*store, "docker.io/library/base:1");
    image = MUST(store->images.resolve("base:1")).id;
    const auto chain = made.config.rootfs.diff_ids.front();
    const auto snapshot = MUST(store->snapshots.prepare("container/c1", chain, {}));
    upper = fmt::format("{}/snapshots/{}/fs", root.path(), snapshot.number);
  }
  void change(const std::string& commands) {
    ASSERT_EQ(std::system(("set -e; cd '" + upper + "'; " + commands).c_str()), 0) << commands;
  }
  std::vector<std::string> diff() {
    std::vector<std::string> lines;
    for (const image::Change& change :
         MUST(container_changes(MUST(store->snapshots.parts("container/c1")), placeholders())))
      lines.push_back(fmt::format("{} {}", "CAD"[static_cast<int>(change.kind)], change.path));
    return lines;
  }
  // What the runtime leaves: places to mount things on.
  static constexpr const char* kPlaces =
      "mkdir -p etc proc sys dev/pts dev/shm; chmod 755 etc; touch etc/hosts etc/hostname etc/resolv.conf "
      "dev/console; ";
};

TEST_F(Committing, PlacesToMountOnAreNoChanges) {
  change(kPlaces);
  EXPECT_EQ(diff(), std::vector<std::string>{});
}

TEST_F(Committing, WhatWasChangedIsListedWithItsDirectory) {
  change(std::string(kPlaces) + "echo x >etc/wgetrc; mkdir data; echo y >data/f; echo z >etc/hosts.allow");
  EXPECT_EQ(diff(), (std::vector<std::string>{"A /data", "A /data/f", "C /etc", "A /etc/hosts.allow",
                                              "A /etc/wgetrc"}));
}

TEST_F(Committing, APlaceThatGotContentsIsAChange) {
  change(std::string(kPlaces) + "echo own >etc/hosts; echo x >dev/file");
  EXPECT_EQ(diff(), (std::vector<std::string>{"A /dev", "A /dev/file", "C /etc", "A /etc/hosts"}));
}

TEST_F(Committing, AnImageIsMadeOfTheBaseAndTheChanges) {
  change(std::string(kPlaces) + "echo -n patched >etc/motd; mkdir data; echo -n y >data/f");
  oci::ContainerConfig config;
  config.cmd = {"/bin/run"};
  const oci::Digest id = MUST(commit(store->images, store->snapshots,
                                     {.snapshot = "container/c1",
                                      .base = image,
                                      .config = config,
                                      .left_out = placeholders(),
                                      .name = "web:patched",
                                      .author = "me",
                                      .comment = "why",
                                      .created_by = "/bin/sh"}));
  const image::Image made = MUST(store->images.resolve("web:patched"));
  EXPECT_EQ(made.id, id);
  const auto parsed = MUST(oci::parse_image_config(MUST(store->images.content().read(id))));
  EXPECT_EQ(parsed.config.cmd, std::vector<std::string>{"/bin/run"});
  EXPECT_EQ(parsed.history.back().comment, "why");
  EXPECT_EQ(parsed.author, "me");
  ASSERT_EQ(parsed.rootfs.diff_ids.size(), 2u);

  const auto layer = MUST(store->snapshots.layers()).size();
  EXPECT_EQ(layer, 2u);
  const auto chains = oci::chain_ids(parsed.rootfs.diff_ids);
  const UniqueFd top = MUST(store->snapshots.open_layer(chains.back()));
  EXPECT_EQ(MUST(read_file_at(top.get(), "etc/motd")), "patched");
  EXPECT_EQ(MUST(read_file_at(top.get(), "data/f")), "y");
  for (const char* place : {"proc", "dev", "etc/hosts", "etc/resolv.conf"})
    EXPECT_NE(::faccessat(top.get(), place, F_OK, AT_SYMLINK_NOFOLLOW), 0) << place;
}

TEST_F(Committing, AContainerMadeOfNothingCanBecomeAnImage) {
  const auto snapshot = MUST(store->snapshots.prepare("container/c2", std::nullopt, {}));
  upper = fmt::format("{}/snapshots/{}/fs", root.path(), snapshot.number);
  change("echo -n x >f");
  MUST(commit(store->images, store->snapshots, {.snapshot = "container/c2", .name = "new:1"}));
  EXPECT_EQ(MUST(store->images.resolve("new:1")).names.size(), 1u);
}

TEST_F(Committing, FailuresLeaveNoName) {
  EXPECT_EQ(commit(store->images, store->snapshots, {.snapshot = "nobody", .base = image, .name = "x:1"})
                .error()
                .code(),
            Code::NotFound);
  EXPECT_EQ(commit(store->images, store->snapshots,
                   {.snapshot = "container/c1", .base = oci::digest_of("x"), .name = "x:1"})
                .error()
                .code(),
            Code::NotFound);
  EXPECT_EQ(
      commit(store->images, store->snapshots, {.snapshot = "container/c1", .base = image, .name = "B A D"})
          .error()
          .code(),
      Code::InvalidArgument);
  EXPECT_FALSE(MUST(store->images.image_named("docker.io/library/x:1")));
}

TEST_F(Committing, SizesCountWhatWasWritten) {
  change("head -c 100000 /dev/zero >big");
  const ContainerSize size = MUST(container_size(store->snapshots, "container/c1"));
  EXPECT_GE(size.written, 100'000u);
  EXPECT_EQ(size.whole, size.written + 5);
  EXPECT_EQ(container_size(store->snapshots, "container/none").error().code(), Code::NotFound);
}

TEST_F(Committing, TheCheckFindsWhatBelongsToNobodyAndWhatIsMissing) {
  auto volumes = MUST(Volumes::open(root.path()));
  MUST(make_directories(root / "containers/c1", 0700));
  DiskCheckInput input{.root = root.path(), .owners = {"c1"}, .snapshots = {{"container/c1", "c1"}}};
  EXPECT_EQ(MUST(check_disk(input, store->snapshots, *volumes)), std::vector<std::string>{});
  MUST(make_directories(root / "containers/lost", 0700));
  MUST(volumes->create({.name = "data"}));
  MUST(volumes->add_user("data", "gone"));
  input.owners.insert("c3");
  input.snapshots = {{"container/c3", "c3"}};
  EXPECT_EQ(MUST(check_disk(input, store->snapshots, *volumes)).size(), 5u);
  EXPECT_EQ(volume_sizes(*volumes).at(0).users, 1);
}

}  // namespace
}  // namespace gantry::engine
