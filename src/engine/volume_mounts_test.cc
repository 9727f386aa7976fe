// SPDX-License-Identifier: Apache-2.0
#include "engine/volume_mounts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/bind_spec.h"
#include "engine/mount_points.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

using container::Config;
using container::HostConfig;
using testing::TempDir;

Result<ContainerRef> nobody(std::string_view ref) {
  return error(Code::NotFound, "No such container: {}", ref);
}

struct Planning : ::testing::Test {
  TempDir root;
  std::unique_ptr<Volumes> volumes;

  Planning() { volumes = MUST(Volumes::open(root.path())); }

  Result<PlannedMounts> try_plan(const HostConfig& host_config, const Config& config = {}) {
    return plan_mounts("c1", config, host_config, *volumes, nobody);
  }
  PlannedMounts plan(const HostConfig& host_config, const Config& config = {}) {
    return MUST(try_plan(host_config, config));
  }
  std::string failure(const HostConfig& host_config, const Config& config = {}) {
    const auto planned = try_plan(host_config, config);
    return planned ? "" : planned.error().message();
  }
  ContainerSettings settings_of(const HostConfig& host_config, const Config& config = {}) {
    return {.config = config, .host_config = host_config, .mounts = plan(host_config, config).mounts};
  }
  std::string scratch() { return root / "mounts"; }
  std::vector<oci::Mount> resolve(const ContainerSettings& settings) {
    return MUST(resolve_mounts("c1", settings, scratch(), {*volumes}));
  }
};

HostConfig with_binds(std::vector<std::string> binds) {
  HostConfig host_config;
  host_config.binds = std::move(binds);
  return host_config;
}
HostConfig with_mounts(std::vector<container::Mount> mounts) {
  HostConfig host_config;
  host_config.mounts = std::move(mounts);
  return host_config;
}
Config with_volumes(std::initializer_list<const char*> paths) {
  Config config;
  for (const char* path : paths) config.volumes[path];
  return config;
}

TEST(BindSpec, KnowsDirectoriesVolumesAndModes) {
  const BindSpec bind = MUST(parse_bind("/host//dir:/in/../here:ro,rslave"));
  EXPECT_EQ(bind.source, "/host/dir");
  EXPECT_EQ(bind.target, "/here");
  EXPECT_TRUE(bind.words.read_only);
  EXPECT_EQ(bind.words.propagation, "rslave");
  const BindSpec volume = MUST(parse_bind("data:/x:nocopy"));
  EXPECT_TRUE(volume.is_volume());
  EXPECT_TRUE(volume.words.no_copy);
  EXPECT_EQ(MUST(parse_bind("/only")).source, "");
}

TEST(BindSpec, RefusesWhatDockerRefuses) {
  for (const char* text : {"", ":", "a:", ":/x", "a:b", "a:/", "a:/x:foo", "a:/x:ro,rw", "a:/x:ro:z",
                           "/a:/x:nocopy", "a:/x:rshared", "a:/x:", "a:/x:ro,"})
    EXPECT_EQ(parse_bind(text).error().code(), Code::InvalidArgument) << text;
}

TEST_F(Planning, BindsAreDirectoriesOfTheHostOrVolumes) {
  const PlannedMounts planned = plan(with_binds({"/tmp:/b:ro", "data:/a"}));
  ASSERT_EQ(planned.mounts.size(), 2u);
  EXPECT_EQ(planned.mounts[0].type, "volume");
  EXPECT_EQ(planned.mounts[0].name, "data");
  EXPECT_EQ(planned.mounts[0].mode, "z");
  EXPECT_EQ(planned.mounts[0].source, root / "volumes/data/_data");
  EXPECT_EQ(planned.mounts[1].type, "bind");
  EXPECT_FALSE(planned.mounts[1].rw);
  EXPECT_EQ(planned.mounts[1].propagation, "rprivate");
  EXPECT_EQ(planned.new_volumes.size(), 1u);
  EXPECT_TRUE(planned.anonymous_volumes.empty());
  EXPECT_EQ(volumes->users_of("data"), std::vector<std::string>{"c1"});
}

TEST_F(Planning, TheImagesVolumesAreAnonymousUnlessSomethingElseIsThere) {
  const PlannedMounts planned = plan(with_binds({"data:/a"}), with_volumes({"/a/", "/b"}));
  ASSERT_EQ(planned.mounts.size(), 2u);
  EXPECT_EQ(planned.mounts[0].name, "data");
  EXPECT_EQ(planned.anonymous_volumes, std::vector<std::string>{planned.mounts[1].name});
  EXPECT_EQ(planned.mounts[1].mode, "");
}

TEST_F(Planning, TwoThingsInOnePlaceAreRefused) {
  EXPECT_EQ(failure(with_binds({"a1:/a", "b1:/a/"})), "Duplicate mount point: /a");
  HostConfig host_config = with_binds({"a1:/a"});
  host_config.tmpfs["/a"] = "";
  EXPECT_EQ(failure(host_config), "Duplicate mount point: /a");
}

TEST_F(Planning, AFailureLeavesNoAnonymousVolumeAndNoUser) {
  EXPECT_NE(failure(with_binds({"data:/a", "/anonymous", "/x"}), with_volumes({"relative"})), "");
  ASSERT_EQ(volumes->list().size(), 1u);
  EXPECT_TRUE(volumes->users_of("data").empty());
}

TEST_F(Planning, MountsAreCheckedInDockersWords) {
  EXPECT_EQ(failure(with_mounts({{.type = "bind", .source = "/nowhere/at/all", .target = "/x"}})),
            "invalid mount config for type \"bind\": bind source path does not exist: /nowhere/at/all");
  EXPECT_EQ(failure(with_mounts({{.type = "volume"}})),
            "invalid mount config for type \"volume\": field Target must not be empty");
  EXPECT_EQ(failure(with_mounts({{.type = "tmpfs", .source = "x", .target = "/x"}})),
            "invalid mount config for type \"tmpfs\": field Source must not be specified");
  EXPECT_EQ(failure(with_mounts({{.type = "foo", .target = "/x"}})),
            "invalid mount config for type \"foo\": mount type unknown");
}

TEST_F(Planning, VolumesOfAnotherContainerComeAlong) {
  auto record = std::make_shared<ContainerRecord>();
  record->settings =
      std::make_shared<ContainerSettings>(settings_of(with_binds({"data:/a", "/tmp:/b", "other:/c"})));
  const auto find = [&](std::string_view) -> Result<ContainerRef> { return record; };
  HostConfig host_config = with_binds({"mine:/a"});
  host_config.volumes_from = {"web:ro"};
  const PlannedMounts planned = MUST(plan_mounts("c2", {}, host_config, *volumes, find));
  ASSERT_EQ(planned.mounts.size(), 3u);
  EXPECT_EQ(planned.mounts[0].name, "mine");
  EXPECT_EQ(planned.mounts[1].source, "/tmp");
  EXPECT_FALSE(planned.mounts[1].rw);
  EXPECT_FALSE(planned.mounts[2].rw);
  EXPECT_EQ(volumes->users_of("other"), (std::vector<std::string>{"c1", "c2"}));
  forget_mounts("c2", planned.mounts, *volumes);
  EXPECT_EQ(volumes->users_of("other"), std::vector<std::string>{"c1"});
}

TEST_F(Planning, ReadOnlyGoesAllTheWayDownUnlessToldOtherwise) {
  const auto mounts = resolve(settings_of(
      with_mounts({{.type = "bind", .source = "/tmp", .target = "/b", .read_only = true},
                   {.type = "bind",
                    .source = "/tmp",
                    .target = "/a",
                    .read_only = true,
                    .bind_options = container::BindOptions{
                        .propagation = "rslave", .non_recursive = true, .read_only_non_recursive = true}}})));
  EXPECT_EQ(mounts[0].options, (std::vector<std::string>{"bind", "ro", "rslave"}));
  EXPECT_EQ(mounts[1].options, (std::vector<std::string>{"rbind", "rro", "rprivate"}));
}

TEST_F(Planning, ATmpfsHasDockersDefaultsAndThenWhatWasAskedFor) {
  const auto mounts = resolve(settings_of(
      with_mounts({{.type = "tmpfs",
                    .target = "/t",
                    .tmpfs_options = container::TmpfsOptions{
                        .size_bytes = 4096, .mode = 0700, .options = {{"exec"}, {"uid", "7"}}}}})));
  EXPECT_EQ(mounts[0].options, (std::vector<std::string>{"noexec", "nosuid", "nodev", "mode=700", "size=4096",
                                                         "exec", "uid=7"}));
}

TEST_F(Planning, TheSourceOfABindIsMadeAndThatOfAMountIsNot) {
  const std::string missing = root / "missing";
  resolve(settings_of(with_binds({missing + "/dir:/a"})));
  struct stat st{};
  EXPECT_EQ(::stat((missing + "/dir").c_str(), &st), 0);

  const std::string gone = root / "gone";
  MUST(make_directories(gone, 0755));
  const ContainerSettings settings =
      settings_of(with_mounts({{.type = "bind", .source = gone, .target = "/g"}}));
  ASSERT_EQ(::rmdir(gone.c_str()), 0);
  EXPECT_EQ(resolve_mounts("c1", settings, scratch(), {*volumes}).error().code(), Code::NotFound);
}

TEST_F(Planning, ParentsAreMountedFirst) {
  const auto mounts = resolve(settings_of(with_binds({"v1:/a/b/c", "v2:/a", "v3:/a/b"})));
  EXPECT_EQ(mounts[0].destination, "/a");
  EXPECT_EQ(mounts[1].destination, "/a/b");
  EXPECT_EQ(mounts[2].destination, "/a/b/c");
}

struct Filling : Planning {
  TempDir image;
  void SetUp() override {
    MUST(make_directories(image / "srv/data/sub", 0750));
    MUST(replace_file_at(AT_FDCWD, image / "srv/data/file", "from the image", 0640));
    ASSERT_EQ(::chmod((image / "srv/data").c_str(), 01777), 0);
    ASSERT_EQ(::symlink("/srv/data", (image / "link").c_str()), 0);
    MUST(replace_file_at(AT_FDCWD, image / "plain", "x", 0644));
    ASSERT_EQ(::symlink("/etc", (image / "out").c_str()), 0);
  }
  void fill(const ContainerSettings& settings) { MUST(fill_volumes(image.fd(), settings, *volumes)); }
};

TEST_F(Filling, AnEmptyVolumeGetsWhatTheImageHasThere) {
  const ContainerSettings settings = settings_of(with_binds({"data:/link"}));
  EXPECT_TRUE(needs_contents(settings, *volumes));
  fill(settings);
  EXPECT_FALSE(needs_contents(settings, *volumes));
  EXPECT_EQ(MUST(read_file(root / "volumes/data/_data/file")), "from the image");
  struct stat st{};
  ASSERT_EQ(::stat((root / "volumes/data/_data").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 01777u);
}

TEST_F(Filling, AVolumeThatHasSomethingStaysAsItIs) {
  const ContainerSettings settings = settings_of(with_binds({"data:/srv/data"}));
  MUST(replace_file_at(AT_FDCWD, root / "volumes/data/_data/own", "x", 0644));
  EXPECT_FALSE(needs_contents(settings, *volumes));
  fill(settings);
  EXPECT_EQ(MUST(names_in(AT_FDCWD, root / "volumes/data/_data")), std::vector<std::string>{"own"});
}

TEST_F(Filling, NoCopyMeansNone) {
  EXPECT_FALSE(needs_contents(settings_of(with_binds({"data:/srv/data:nocopy"})), *volumes));
  EXPECT_FALSE(needs_contents(
      settings_of(with_mounts({{.type = "volume",
                                .source = "data",
                                .target = "/srv/data",
                                .volume_options = container::VolumeOptions{.no_copy = true}}})),
      *volumes));
}

TEST_F(Filling, AFileInThePlaceOfAVolumeIsRefused) {
  const auto filled = fill_volumes(image.fd(), settings_of(with_binds({"data:/plain"})), *volumes);
  EXPECT_EQ(filled.error().message(), "cannot mount volume over existing file, file exists /plain");
}

TEST_F(Filling, ALinkOutOfTheImageLeadsNowhere) {
  fill(settings_of(with_binds({"data:/out"})));
  EXPECT_TRUE(MUST(names_in(AT_FDCWD, root / "volumes/data/_data")).empty());
}

TEST(Subpath, APartOfAVolumeIsPinnedAndALinkInItLeadsNowhere) {
  NEEDS_ROOT();
  testing::in_namespaces(CLONE_NEWNS, [] {
    TempDir root, secret;
    auto volumes = MUST(Volumes::open(root.path()));
    const std::string data = MUST(volumes->create({.name = "data"})).volume->mountpoint;
    MUST(make_directories(data + "/part", 0755));
    MUST(replace_file_at(AT_FDCWD, data + "/part/file", "x", 0644));
    ASSERT_EQ(::symlink(secret.path().c_str(), (data + "/evil").c_str()), 0);
    const auto settings = [&](const char* subpath) {
      const HostConfig host_config =
          with_mounts({{.type = "volume",
                        .source = "data",
                        .target = "/p",
                        .volume_options = container::VolumeOptions{.subpath = subpath}}});
      return ContainerSettings{.host_config = host_config,
                               .mounts = MUST(plan_mounts("c1", {}, host_config, *volumes, nobody)).mounts};
    };
    const std::string scratch = root / "mounts";
    const ContainerSettings part = settings("part");
    const auto mounts = MUST(resolve_mounts("c1", part, scratch, {*volumes}));
    // Whatever becomes of the name now, what is mounted is what was there.
    ASSERT_EQ(::rename((data + "/part").c_str(), (data + "/old").c_str()), 0);
    ASSERT_EQ(::symlink(secret.path().c_str(), (data + "/part").c_str()), 0);
    EXPECT_EQ(MUST(read_file(mounts[0].source + "/file")), "x");
    release_mounts("c1", part.mounts, scratch, *volumes);
    EXPECT_EQ(MUST(mount_points_below(root.path())).size(), 0u);
    EXPECT_NE(::access(scratch.c_str(), F_OK), 0);
    EXPECT_EQ(MUST(read_file(data + "/old/file")), "x");

    EXPECT_EQ(resolve_mounts("c1", settings("evil"), scratch, {*volumes}).error().code(), Code::NotFound);
    release_mounts("c1", part.mounts, scratch, *volumes);
  });
}

TEST_F(Planning, ASubpathStaysInsideByItsWords) {
  for (const char* subpath : {"../x", "a/../../b", "/abs"})
    EXPECT_NE(failure(with_mounts({{.type = "volume",
                                    .source = "data",
                                    .target = "/p",
                                    .volume_options = container::VolumeOptions{.subpath = subpath}}})),
              "")
        << subpath;
}

}  // namespace
}  // namespace gantry::engine
