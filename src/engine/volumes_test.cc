// SPDX-License-Identifier: Apache-2.0
#include "engine/volumes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/file.h"
#include "engine/mount_points.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

using testing::TempDir;

struct VolumesTest : ::testing::Test {
  TempDir root;
  std::unique_ptr<Volumes> volumes;

  VolumesTest() { volumes = MUST(Volumes::open(root.path())); }

  void reopen() {
    volumes.reset();
    volumes = MUST(Volumes::open(root.path()));
  }
  bool exists(const std::string& path) { return ::access((root / path).c_str(), F_OK) == 0; }
  void write(const std::string& path) { MUST(replace_file_at(AT_FDCWD, root / path, "precious", 0644)); }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const VolumeRef& volume : volumes->list()) found.push_back(volume->name);
    return found;
  }
};

TEST_F(VolumesTest, AVolumeIsADirectoryAndOutlivesTheObject) {
  const auto made = MUST(volumes->create({.name = "data", .labels = {{"a", "b"}}}));
  EXPECT_TRUE(made.is_new);
  EXPECT_EQ(made.volume->mountpoint, root / "volumes/data/_data");
  write("volumes/data/_data/file");
  reopen();
  const VolumeRef volume = MUST(volumes->find("data"));
  EXPECT_EQ(volume->labels.at("a"), "b");
  EXPECT_EQ(volume->created, made.volume->created);
  EXPECT_TRUE(exists("volumes/data/_data/file"));
}

TEST_F(VolumesTest, MakingOneThatIsThereAnswersTheOneThatIsThere) {
  MUST(volumes->create({.name = "data", .labels = {{"a", "b"}}}));
  const auto again = MUST(volumes->create({.name = "data", .labels = {{"c", "d"}}}));
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(again.volume->labels.size(), 1u);
  EXPECT_TRUE(again.volume->labels.contains("a"));
}

TEST_F(VolumesTest, OneWithoutANameIsAnonymous) {
  const auto made = MUST(volumes->create({}));
  EXPECT_EQ(made.volume->name.size(), 64u);
  EXPECT_TRUE(made.volume->is_anonymous());
}

TEST_F(VolumesTest, NamesThatDockerRefusesAreRefused) {
  for (const char* name : {"a", "-data", ".data", "../etc", "a/b", "a b", "ä-data", "_data"})
    EXPECT_EQ(volumes->create({.name = name}).error().code(), Code::InvalidArgument) << name;
  EXPECT_FALSE(volumes->create({.name = std::string(300, 'a')}));
  EXPECT_TRUE(volumes->create({.name = std::string(200, 'a')}));
  MUST(volumes->remove(std::string(200, 'a')));
  EXPECT_EQ(names(), std::vector<std::string>{});
}

TEST_F(VolumesTest, OtherDriversAreNotThere) {
  const auto made = volumes->create({.name = "data", .driver = "nfs"});
  EXPECT_EQ(made.error().code(), Code::NotFound);
  EXPECT_NE(made.error().message().find("plugin \"nfs\" not found"), std::string::npos);
}

TEST_F(VolumesTest, OneThatIsUsedCannotBeRemoved) {
  MUST(volumes->create({.name = "data"}));
  MUST(volumes->add_user("data", "c1"));
  const auto removed = volumes->remove("data");
  EXPECT_EQ(removed.error().code(), Code::Conflict);
  EXPECT_EQ(removed.error().message(), "remove data: volume is in use - [c1]");
  EXPECT_EQ(MUST(volumes->prune([](const Volume&) { return true; })).names.size(), 0u);
  volumes->remove_user("data", "c1");
  MUST(volumes->remove("data"));
  EXPECT_FALSE(exists("volumes/data"));
  EXPECT_EQ(volumes->find("data").error().message(), "get data: no such volume");
  EXPECT_EQ(volumes->add_user("data", "c1").error().code(), Code::NotFound);
}

TEST_F(VolumesTest, OneThatIsMadeForAUserIsNotRemovedBeforeThatHasIt) {
  std::atomic<bool> is_over = false;
  std::thread other([&] {
    while (!is_over) (void)volumes->remove("data");
  });
  for (int i = 0; i < 20; ++i) {
    MUST(volumes->create({.name = "data"}, "container"));
    EXPECT_EQ(volumes->users_of("data"), std::vector<std::string>{"container"});
    volumes->remove_user("data", "container");
  }
  is_over = true;
  other.join();
}

TEST_F(VolumesTest, DirectoriesThatNothingIsKnownOfAreTakenIn) {
  volumes.reset();
  MUST(make_directories(root / "volumes/found/_data", 0755));
  write("volumes/found/_data/file");
  MUST(make_directories(root / "volumes/.other/_data", 0755));
  volumes = MUST(Volumes::open(root.path()));
  EXPECT_EQ(names(), std::vector<std::string>{"found"});
  EXPECT_TRUE(exists("volumes/found/_data/file"));
}

TEST_F(VolumesTest, ARemovalThatWasInterruptedIsFinished) {
  MUST(volumes->create({.name = "gone"}));
  MUST(volumes->create({.name = "stays"}));
  volumes.reset();
  MUST(make_directories(root / "volumes/.removed", 0700));
  ASSERT_EQ(
      ::rename((root / "volumes/gone").c_str(), (root / "volumes/.removed/gone~0123456789abcdef").c_str()),
      0);
  volumes = MUST(Volumes::open(root.path()));
  EXPECT_EQ(names(), std::vector<std::string>{"stays"});
  EXPECT_FALSE(exists("volumes/.removed"));
}

TEST_F(VolumesTest, ARowWithoutADirectoryIsKeptBecauseTheDiskMayComeBack) {
  MUST(volumes->create({.name = "data"}));
  volumes.reset();
  ASSERT_EQ(::rename((root / "volumes/data").c_str(), (root / "elsewhere").c_str()), 0);
  volumes = MUST(Volumes::open(root.path()));
  EXPECT_EQ(names(), std::vector<std::string>{"data"});
  EXPECT_EQ(volumes->open_directory("data").error().code(), Code::NotFound);
}

TEST_F(VolumesTest, PruneRemovesWhatMatchesAndSaysHowMuchCameFree) {
  MUST(volumes->create({.name = "keep"}));
  MUST(volumes->create({}));
  const auto pruned = MUST(volumes->prune([](const Volume& volume) { return volume.is_anonymous(); }));
  EXPECT_EQ(pruned.names.size(), 1u);
  EXPECT_EQ(names(), std::vector<std::string>{"keep"});
}

TEST_F(VolumesTest, FillingHappensOnceAndIsSeenAsAWhole) {
  MUST(volumes->create({.name = "data"}));
  int calls = 0;
  const auto copy = [&](int directory) -> Result<void> {
    ++calls;
    EXPECT_EQ(MUST(names_in(AT_FDCWD, root / "volumes/data/_data")).size(), 0u);
    return replace_file_at(directory, "file", "x", 0644);
  };
  MUST(volumes->fill("data", copy));
  MUST(volumes->fill("data", copy));
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(exists("volumes/data/_data/file"));
  EXPECT_FALSE(exists("volumes/data/_new"));
}

TEST_F(VolumesTest, FillingThatFailsLeavesTheVolumeEmpty) {
  MUST(volumes->create({.name = "data"}));
  const auto filled = volumes->fill("data", [&](int directory) -> Result<void> {
    MUST(replace_file_at(directory, "file", "x", 0644));
    return error(Code::ResourceExhausted, "no space");
  });
  EXPECT_EQ(filled.error().code(), Code::ResourceExhausted);
  EXPECT_EQ(MUST(names_in(AT_FDCWD, root / "volumes/data")), std::vector<std::string>{"_data"});
}

TEST_F(VolumesTest, OptionsOfTheLocalDriverAreChecked) {
  const auto message = [&](std::map<std::string, std::string> options) {
    return volumes->create({.name = "data", .driver_opts = std::move(options)}).error().message();
  };
  EXPECT_EQ(message({{"foo", "bar"}}), "create data: invalid option: \"foo\"");
  EXPECT_EQ(message({{"type", "tmpfs"}}), "create data: missing device in volume options");
  EXPECT_EQ(message({{"device", "tmpfs"}}), "create data: missing type in volume options");
  EXPECT_EQ(message({{"size", "1g"}}), "create data: quota size requested but no quota support");
  EXPECT_EQ(names(), std::vector<std::string>{});
}

std::map<std::string, std::string> small_tmpfs() {
  return {{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "size=64k,mode=0700,nosuid"}};
}

TEST(VolumeMounts, AFileSystemIsThereWhileARunningContainerUsesIt) {
  NEEDS_ROOT();
  testing::in_namespaces(CLONE_NEWNS, [] {
    TempDir root;
    auto volumes = MUST(Volumes::open(root.path()));
    const VolumeRef volume = MUST(volumes->create({.name = "ram", .driver_opts = small_tmpfs()})).volume;
    const auto mounted = [&] { return MUST(mount_points_below(volume->mountpoint)).size(); };
    EXPECT_EQ(mounted(), 0u);
    MUST(volumes->mount("ram", "c1"));
    MUST(volumes->mount("ram", "c2"));
    MUST(volumes->mount("ram", "c2"));
    EXPECT_EQ(mounted(), 1u);
    volumes->unmount("ram", "c1");
    EXPECT_EQ(mounted(), 1u);

    // A daemon that was killed and comes back: first the containers that run, then the rest goes.
    volumes = MUST(Volumes::open(root.path()));
    MUST(volumes->mount("ram", "c2"));
    volumes->unmount_unused();
    EXPECT_EQ(mounted(), 1u);
    volumes = MUST(Volumes::open(root.path()));
    volumes->unmount_unused();
    EXPECT_EQ(mounted(), 0u);
    MUST(volumes->remove("ram"));
  });
}

TEST(VolumeMounts, TheKernelsWordsAboutAWrongOptionComeThrough) {
  NEEDS_ROOT();
  testing::in_namespaces(CLONE_NEWNS, [] {
    TempDir root;
    auto volumes = MUST(Volumes::open(root.path()));
    MUST(volumes->create(
        {.name = "ram", .driver_opts = {{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "sise=1"}}}));
    EXPECT_NE(volumes->mount("ram", "c1").error().message().find("Unknown parameter 'sise'"),
              std::string::npos);
  });
}

TEST(VolumeMounts, ABindShowsItsDirectory) {
  NEEDS_ROOT();
  testing::in_namespaces(CLONE_NEWNS, [] {
    TempDir root, host;
    auto volumes = MUST(Volumes::open(root.path()));
    MUST(volumes->create(
        {.name = "bound", .driver_opts = {{"type", "none"}, {"device", host.path()}, {"o", "bind,ro"}}}));
    const std::string path = MUST(volumes->mount("bound", "c1"));
    MUST(replace_file_at(host.fd(), "file", "x", 0644));
    EXPECT_EQ(MUST(read_file(path + "/file")), "x");
    EXPECT_EQ(replace_file_at(AT_FDCWD, path + "/file", "y", 0644).error().errno_value(), EROFS);
    volumes->unmount("bound", "c1");
    MUST(volumes->remove("bound"));
    EXPECT_EQ(MUST(read_file_at(host.fd(), "file")), "x");
  });
}

TEST(VolumeMounts, NothingThatIsMountedInAVolumeIsRemovedWithIt) {
  NEEDS_ROOT();
  testing::in_namespaces(CLONE_NEWNS, [] {
    TempDir root, host;
    MUST(replace_file_at(host.fd(), "precious", "x", 0644));
    auto volumes = MUST(Volumes::open(root.path()));
    const VolumeRef volume = MUST(volumes->create({.name = "data"})).volume;
    MUST(make_directories(volume->mountpoint + "/m", 0755));
    ASSERT_EQ(::mount(host.path().c_str(), (volume->mountpoint + "/m").c_str(), nullptr, MS_BIND, nullptr),
              0);
    EXPECT_EQ(volumes->remove("data").error().code(), Code::Conflict);
    EXPECT_EQ(MUST(read_file_at(host.fd(), "precious")), "x");
    EXPECT_TRUE(volumes->find("data"));
    ASSERT_EQ(::umount((volume->mountpoint + "/m").c_str()), 0);
    MUST(volumes->remove("data"));
  });
}

// A file system in user space whose server never answers: whoever looks into it sleeps until it is given up.
TEST(VolumeMounts, AVolumeThatHangsHoldsUpNobodyElse) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  testing::in_namespaces(CLONE_NEWNS, [] {
    UniqueFd server(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!server) GTEST_SKIP() << "there is no /dev/fuse";
    TempDir root;
    auto volumes = MUST(Volumes::open(root.path()));
    const VolumeRef dead = MUST(volumes->create({.name = "dead"})).volume;
    MUST(volumes->create({.name = "alive"}));
    const std::string options = fmt::format("fd={},rootmode=40000,user_id=0,group_id=0", server.get());
    ASSERT_EQ(::mount("fuse", dead->mountpoint.c_str(), "fuse", 0, options.c_str()), 0) << errno;
    // Somebody hangs in it.
    std::thread stuck([&] { EXPECT_FALSE(volumes->fill("dead", [](int) { return Result<void>{}; })); });
    // It has asked the server, so it is in the call.
    char request[8192];
    EXPECT_GT(::read(server.get(), request, sizeof request), 0);

    EXPECT_EQ(volumes->list().size(), 2u);
    EXPECT_TRUE(volumes->find("dead"));
    EXPECT_TRUE(volumes->create({.name = "another"}));
    MUST(volumes->add_user("dead", "c1"));
    EXPECT_EQ(volumes->users_of("dead").size(), 1u);
    MUST(volumes->mount("alive", "c2"));
    volumes->unmount("alive", "c2");
    MUST(volumes->remove("alive"));
    EXPECT_EQ(MUST(Volumes::open(root.path()))->list().size(), 2u) << "a start looks into no volume";

    server.reset();  // everybody who waits gets an error
    stuck.join();
    ASSERT_EQ(::umount2(dead->mountpoint.c_str(), MNT_DETACH), 0);
  });
}

}  // namespace
}  // namespace gantry::engine
