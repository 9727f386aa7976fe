// SPDX-License-Identifier: Apache-2.0
#include "image/unpack.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/file.h"
#include "image/overlay_marks.h"
#include "oci/archive/compression.h"
#include "oci/archive/tar_writer.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using oci::TarEntry;
using oci::TarType;
using testing::TempDir;

constexpr timespec kTime{1'600'000'000, 123'456'789};

// A tar, a word an entry.
class Archive {
 public:
  Archive() : writer_(sink_) {}

  Archive& add(TarEntry entry, std::string_view contents = {}) {
    if (entry.mtime.tv_sec == 0) entry.mtime = kTime;
    MUST(writer_.add(entry));
    MUST(writer_.write(bytes_of(contents)));
    return *this;
  }
  Archive& file(const std::string& path, std::string_view contents = "x", mode_t mode = 0644) {
    return add({.path = path, .mode = mode, .size = contents.size()}, contents);
  }
  Archive& directory(const std::string& path, mode_t mode = 0755) {
    return add({.type = TarType::Directory, .path = path, .mode = mode});
  }
  Archive& link(const std::string& path, const std::string& target) {
    return add({.type = TarType::SymbolicLink, .path = path, .link_target = target, .mode = 0777});
  }
  Archive& hard_link(const std::string& path, const std::string& target) {
    return add({.type = TarType::HardLink, .path = path, .link_target = target});
  }
  std::string end() {
    MUST(writer_.finish());
    return sink_.take();
  }

 private:
  StringSink sink_;
  oci::TarWriter writer_;
};

UnpackOptions usual() {
  UnpackOptions options;
  options.keep_owners = ::geteuid() == 0;
  options.marks = ::geteuid() == 0 ? OverlayMarks::Trusted : OverlayMarks::User;
  return options;
}

// A layer's directory, and beside it what must stay as it is.
class Unpack : public ::testing::Test {
 protected:
  void SetUp() override {
    make_layer();
    MUST(make_directories(base_ / "outside", 0755));
    MUST(replace_file_at(base_.fd(), "outside/secret", "secret", 0600));
    outside_ = state_of_outside();
  }
  void TearDown() override {
    EXPECT_EQ(state_of_outside(), outside_) << "something outside of the layer was touched";
    EXPECT_EQ(MUST(names_in(base_.fd(), ".")).size(), 2U);
  }

  // A new and empty one.
  void make_layer() {
    MUST(remove_tree_at(base_.fd(), "layer"));
    MUST(make_directories(base_ / "layer", 0755));
    layer_ = MUST(open_at(base_.fd(), "layer", O_RDONLY | O_DIRECTORY));
  }
  Result<UnpackResult> unpack_all(const std::string& tar, const UnpackOptions& options = usual(),
                                  ParentView* parents = nullptr) {
    make_layer();
    StringSource source(tar);
    return unpack(source, layer_.get(), options, parents);
  }
  std::string error_of(const std::string& tar, const UnpackOptions& options = usual()) {
    const auto result = unpack_all(tar, options);
    return result ? "no error" : result.error().message();
  }

  struct stat at(const std::string& path) {
    struct stat st{};
    EXPECT_EQ(::fstatat(layer_.get(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW), 0) << path;
    return st;
  }
  bool has(const std::string& path) {
    struct stat st{};
    return ::fstatat(layer_.get(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  }
  std::string text(const std::string& path) { return MUST(read_file_at(layer_.get(), path)); }
  std::string target(const std::string& path) {
    char buffer[4096];
    const ssize_t size = ::readlinkat(layer_.get(), path.c_str(), buffer, sizeof buffer);
    return {buffer, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  std::string xattr(const std::string& path, const char* name) {
    char buffer[4096];
    const ssize_t size = ::lgetxattr((base_ / "layer/" + path).c_str(), name, buffer, sizeof buffer);
    return size < 0 ? "none" : std::string(buffer, static_cast<std::size_t>(size));
  }
  bool is_opaque(const std::string& path) {
    return xattr(path, ::geteuid() == 0 ? kTrustedOpaque : kUserOpaque) == "y";
  }

  TempDir base_;
  UniqueFd layer_;

 private:
  std::string state_of_outside() {
    std::string state;
    for (const char* path : {"outside", "outside/secret"}) {
      struct stat st{};
      EXPECT_EQ(::fstatat(base_.fd(), path, &st, AT_SYMLINK_NOFOLLOW), 0);
      state += fmt::format("{} {:o} {}:{} links {} size {} changed {}.{}\n", path, st.st_mode, st.st_uid,
                           st.st_gid, st.st_nlink, st.st_size, st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
    }
    return state + MUST(read_file_at(base_.fd(), "outside/secret"));
  }
  std::string outside_;
};

TEST_F(Unpack, FilesDirectoriesAndLinksAreAsTheArchiveSays) {
  const UnpackResult result =
      MUST(unpack_all(Archive()
                          .directory("./", 0711)
                          .directory("etc/", 01777)
                          .file("etc/motd", "hello", 0666)
                          .file("etc/empty", "", 0400)
                          .link("etc/link", "../etc/motd")
                          .link("etc/absolute", "/etc/motd")
                          .hard_link("etc/again", "etc/motd")
                          .add({.type = TarType::Fifo, .path = "etc/fifo", .mode = 0622})
                          .add({.type = TarType::Socket, .path = "etc/socket", .mode = 0777})
                          .file("etc/setuid", "x", 06755)
                          .end()));
  EXPECT_EQ(result.entries, 10U);
  EXPECT_EQ(result.size, 6U);
  EXPECT_FALSE(result.has_used_parents);
  EXPECT_TRUE(result.has_root);
  EXPECT_EQ(at(".").st_mode, S_IFDIR | 0711U);
  EXPECT_EQ(at("etc").st_mode, S_IFDIR | 01777U);
  EXPECT_EQ(at("etc/motd").st_mode, S_IFREG | 0666U);
  EXPECT_EQ(at("etc/empty").st_mode, S_IFREG | 0400U);
  EXPECT_EQ(at("etc/setuid").st_mode, S_IFREG | 06755U);
  EXPECT_EQ(at("etc/fifo").st_mode, S_IFIFO | 0622U);
  EXPECT_EQ(at("etc/socket").st_mode, S_IFSOCK | 0777U);
  EXPECT_EQ(text("etc/motd"), "hello");
  EXPECT_EQ(target("etc/link"), "../etc/motd");
  EXPECT_EQ(target("etc/absolute"), "/etc/motd");
  EXPECT_EQ(at("etc/again").st_ino, at("etc/motd").st_ino);
  for (const char* path : {".", "etc", "etc/motd", "etc/link", "etc/fifo", "etc/empty"}) {
    EXPECT_EQ(at(path).st_mtim.tv_sec, kTime.tv_sec) << path;
    EXPECT_EQ(at(path).st_mtim.tv_nsec, kTime.tv_nsec) << path;
  }
}

TEST_F(Unpack, OwnersDevicesAndCapabilities) {
  NEEDS_ROOT();
  // Version 2 of the attribute: cap_net_raw, effective and permitted.
  const std::string capability("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  const std::string acl(
      "\2\0\0\0\1\0\6\0\xff\xff\xff\xff\2\0\4\0\xe8\3\0\0\4\0\4\0\xff\xff\xff\xff\x10\0\6\0\xff\xff\xff\xff"
      "\x20\0\4\0\xff\xff\xff\xff",
      44);
  MUST(unpack_all(
      Archive()
          .add({.type = TarType::Directory, .path = "d", .mode = 02750, .uid = 1000, .gid = 2000})
          .add({.path = "d/ping",
                .mode = 04755,
                .uid = 1,
                .gid = 2,
                .xattrs = {{"security.capability", capability}}})
          .add({.path = "d/large", .mode = 0644, .uid = 4'294'967'294, .gid = 3'000'000'000})
          .add({.path = "d/acl",
                .mode = 0664,
                .xattrs = {{"system.posix_acl_access", acl}, {"user.note", "n"}}})
          .add({.type = TarType::CharacterDevice,
                .path = "d/null",
                .mode = 0666,
                .device_major = 1,
                .device_minor = 3})
          .add({.type = TarType::BlockDevice,
                .path = "d/disk",
                .mode = 0660,
                .gid = 6,
                .device_major = 259,
                .device_minor = 70000})
          .add({.type = TarType::SymbolicLink, .path = "d/link", .link_target = "x", .uid = 7, .gid = 8})
          .end()));
  EXPECT_EQ(at("d").st_mode, S_IFDIR | 02750U);
  EXPECT_EQ(at("d").st_gid, 2000U);
  EXPECT_EQ(at("d/acl").st_gid, 0U) << "the set-group-id bit must not work before its time";
  EXPECT_EQ(at("d/ping").st_mode, S_IFREG | 04755U);
  EXPECT_EQ(at("d/ping").st_uid, 1U);
  EXPECT_EQ(xattr("d/ping", "security.capability"), capability);
  EXPECT_EQ(at("d/large").st_uid, 4'294'967'294U);
  EXPECT_EQ(at("d/large").st_gid, 3'000'000'000U);
  EXPECT_EQ(xattr("d/acl", "system.posix_acl_access"), acl);
  EXPECT_EQ(xattr("d/acl", "user.note"), "n");
  EXPECT_EQ(at("d/null").st_rdev, ::makedev(1, 3));
  EXPECT_EQ(at("d/disk").st_rdev, ::makedev(259, 70000));
  EXPECT_EQ(at("d/disk").st_gid, 6U);
  EXPECT_EQ(at("d/link").st_uid, 7U);
}

TEST_F(Unpack, SparseFilesKeepTheirHoles) {
  const TarEntry entry{.path = "s", .mode = 0600, .size = 10 << 20, .segments = {{{4096, 4}, {1 << 20, 4}}}};
  const TarEntry hole{
      .path = "hole", .mode = 0600, .size = 10 << 20, .segments = std::vector<oci::TarSegment>{}};
  MUST(unpack_all(Archive().add(entry, "abcdefgh").add(hole).end()));
  EXPECT_EQ(at("s").st_size, 10 << 20);
  EXPECT_LE(at("s").st_blocks * 512, 64 << 10);
  const std::string contents = text("s");
  EXPECT_EQ(contents.substr(4096, 4), "abcd");
  EXPECT_EQ(contents.substr(1 << 20, 4), "efgh");
  EXPECT_EQ(at("hole").st_size, 10 << 20);
  EXPECT_EQ(at("hole").st_blocks, 0);
}

TEST_F(Unpack, LargeFilesArriveWhole) {
  std::string contents(3'000'000, '\0');
  for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = static_cast<char>(i * 31 + i / 257);
  MUST(unpack_all(Archive().file("f", contents).file("g", "y").end()));
  EXPECT_EQ(text("f"), contents);
  EXPECT_EQ(text("g"), "y");
}

TEST_F(Unpack, NamesMayBeAnyBytesAndLong) {
  std::string bytes;
  for (int c = 1; c < 256; ++c)
    if (c != '/') bytes += static_cast<char>(c);
  const std::string deep = std::string(255, 'a') + "/" + std::string(255, 'b') + "/" + bytes;
  MUST(unpack_all(Archive().file(deep, "found").file("./a//b/./c", "clean").file("..x/...y", "dots").end()));
  EXPECT_EQ(text(deep), "found");
  EXPECT_EQ(text("a/b/c"), "clean");
  EXPECT_EQ(text("..x/...y"), "dots");
  EXPECT_TRUE(
      error_of(Archive().file(std::string(256, 'n')).end()).ends_with("File name too long (ENAMETOOLONG)"));
}

TEST_F(Unpack, LaterEntriesReplaceEarlierOnes) {
  MUST(unpack_all(Archive()
                      .file("a", "first")
                      .file("a", "second")
                      .directory("b")
                      .file("b/inner")
                      .directory("b/deep")
                      .file("b/deep/er")
                      .directory("b-c")
                      .file("b", "no longer a directory")
                      .file("c")
                      .directory("c", 0700)
                      .file("c/inner", "kept")
                      .directory("c", 0750)
                      .link("d", "a")
                      .file("d", "not through the link")
                      .end()));
  EXPECT_EQ(text("a"), "second");
  EXPECT_EQ(text("b"), "no longer a directory");
  EXPECT_TRUE(has("b-c"));
  EXPECT_EQ(text("c/inner"), "kept");
  EXPECT_EQ(at("c").st_mode, S_IFDIR | 0750U);
  EXPECT_EQ(text("d"), "not through the link");
}

TEST_F(Unpack, ADirectoryBecomesALinkAndADirectoryAgain) {
  MUST(unpack_all(Archive()
                      .directory("d")
                      .file("d/a", "1")
                      .link("d", "/e")
                      .file("d/b", "2")
                      .directory("d")
                      .file("d/c", "3")
                      .end()));
  EXPECT_EQ(text("e/b"), "2");
  EXPECT_EQ(text("d/c"), "3");
  EXPECT_FALSE(has("d/a"));
  EXPECT_FALSE(has("e/c"));
}

TEST_F(Unpack, LinksOnTheWayAreFollowedWithTheLayerAsRoot) {
  MUST(unpack_all(Archive()
                      .link("absolute", "/real/directory")
                      .file("absolute/a", "1")
                      .directory("usr")
                      .link("usr/relative", "../real/./directory")
                      .file("usr/relative/b", "2")
                      .link("chain", "usr/relative")
                      .file("chain/c", "3")
                      .link("outside", "/elsewhere")
                      .file("outside/secret", "ours")
                      .end()));
  EXPECT_EQ(text("real/directory/a"), "1");
  EXPECT_EQ(text("real/directory/b"), "2");
  EXPECT_EQ(text("real/directory/c"), "3");
  EXPECT_EQ(text("elsewhere/secret"), "ours");
  EXPECT_NE(error_of(Archive().link("a", "b").link("b", "a").file("a/x").end()), "no error");
}

TEST_F(Unpack, WhatLeadsOutIsRefused) {
  const std::string host = base_ / "outside/secret";
  EXPECT_EQ(error_of(Archive().file("../outside/secret").end()),
            "unpack '../outside/secret': the name has '..' in it: '../outside/secret'");
  EXPECT_EQ(error_of(Archive().file("a/../../outside/secret").end()),
            "unpack 'a/../../outside/secret': the name has '..' in it: 'a/../../outside/secret'");
  EXPECT_NE(error_of(Archive().directory("a/..").end()), "no error");
  EXPECT_EQ(error_of(Archive().file("/etc/x").end()), "unpack '/etc/x': the name is absolute: '/etc/x'");
  EXPECT_NE(error_of(Archive().file(host).end()), "no error");
  EXPECT_EQ(error_of(Archive().link("a", "../outside").end()),
            "unpack 'a': a symbolic link to '../outside', out of the layer");
  EXPECT_NE(error_of(Archive().link("a", "b/../../outside").file("a/secret").end()), "no error");
  EXPECT_NE(error_of(Archive().directory("d").link("d/a", "../../outside").end()), "no error");
  EXPECT_NE(error_of(Archive().link("a", "/../outside").end()), "no error");
  // By its words it stays inside, but not from where it really stands.
  EXPECT_NE(error_of(Archive().directory("x/y").link("l", "/").link("l/a", "../outside").end()), "no error");
  EXPECT_EQ(error_of(Archive().hard_link("a", host).end()),
            "unpack 'a': the target of a hard link is absolute: '" + host + "'");
  EXPECT_NE(error_of(Archive().hard_link("a", "../outside/secret").end()), "no error");
  EXPECT_NE(error_of(Archive().hard_link("a", "outside/secret").end()), "no error")
      << "nothing of this layer";
  EXPECT_NE(error_of(Archive().hard_link("a", "./").end()), "no error");
  EXPECT_NE(error_of(Archive().file(".", "a file in place of the root").end()), "no error");
  EXPECT_NE(error_of(Archive().link(".", "/outside").end()), "no error");
}

TEST_F(Unpack, AHardLinkDoesNotFollowALink) {
  MUST(unpack_all(Archive().link("l", base_ / "outside/secret").hard_link("h", "l").file("h", "new").end()));
  EXPECT_EQ(text("h"), "new");
  EXPECT_EQ(target("l"), base_ / "outside/secret");
}

TEST_F(Unpack, HardLinksThroughALinkStayInside) {
  EXPECT_NE(error_of(Archive().link("l", base_ / "outside").hard_link("h", "l/secret").end()), "no error");
  EXPECT_NE(error_of(Archive().link("l", "/").hard_link("h", "l/outside/secret").end()), "no error");
  MUST(unpack_all(
      Archive().file("d/f", "x").link("l", "/d").hard_link("l/h", "l/f").hard_link("d/f", "d/f").end()));
  EXPECT_EQ(at("d/h").st_ino, at("d/f").st_ino);
}

TEST_F(Unpack, HardLinksToDirectoriesAreRefused) {
  EXPECT_EQ(error_of(Archive().directory("d").hard_link("h", "d").end()),
            "unpack 'h': a hard link to the directory 'd'");
  EXPECT_NE(error_of(Archive().directory("d").file("d/f").hard_link("d", "d/f").end()), "no error")
      << "making room removes the target";
}

TEST_F(Unpack, AbsoluteNamesCountFromTheRootWhereAllowed) {
  UnpackOptions options = usual();
  options.allow_absolute_names = true;
  MUST(unpack_all(Archive().directory("/").file("/etc/x", "1").hard_link("//etc/./y", "/etc/x").end(),
                  options));
  EXPECT_EQ(text("etc/x"), "1");
  EXPECT_EQ(at("etc/x").st_nlink, 2U);
}

TEST_F(Unpack, WhiteoutsHideWhatIsBelowAndNeverThisLayer) {
  MUST(unpack_all(Archive()
                      .file("d/.wh.gone")
                      .file("before", "1")
                      .file(".wh.before")
                      .file(".wh.after")
                      .file("after", "2")
                      .directory("directory")
                      .file("directory/x")
                      .file(".wh.directory")
                      .file(".wh.later")
                      .directory("later")
                      .file(".wh.implied")
                      .file("implied/x")
                      .file("d/.wh.gone")
                      .end()));
  EXPECT_TRUE(is_whiteout(at("d/gone")));
  EXPECT_EQ(text("before"), "1");
  EXPECT_EQ(text("after"), "2");
  for (const char* path : {"directory", "later", "implied"}) EXPECT_TRUE(is_opaque(path)) << path;
  EXPECT_TRUE(has("directory/x"));
  EXPECT_FALSE(is_opaque("d"));
}

TEST_F(Unpack, OpaqueDirectories) {
  MUST(unpack_all(Archive()
                      .file("d/.wh.early")
                      .file("d/deep/.wh.early")
                      .file("d/.wh..wh..opq")
                      .file("d/.wh.late")
                      .file("d/x", "mine")
                      .directory("e")
                      .file("e/x")
                      .file("e/.wh..wh..opq")
                      .end()));
  EXPECT_TRUE(is_opaque("d"));
  EXPECT_TRUE(is_opaque("e"));
  EXPECT_TRUE(has("e/x"));
  EXPECT_EQ(text("d/x"), "mine");
  EXPECT_FALSE(has("d/early")) << "it would be listed, having nothing to hide";
  EXPECT_FALSE(has("d/late"));
  EXPECT_FALSE(has("d/deep/early"));
}

TEST_F(Unpack, WhiteoutsThatClimbOrNameNothingAreRefused) {
  for (const char* path : {".wh.", ".wh..", ".wh...", "d/.wh...", ".wh..wh.x", "d/.wh..wh.wh.x"})
    EXPECT_EQ(error_of(Archive().file(path).end()),
              std::string("unpack '") + path + "': a whiteout that names no file");
  EXPECT_NE(error_of(Archive().file(".wh.x/y").end()), "no error");
  EXPECT_NE(error_of(Archive().file("../.wh.outside").end()), "no error");
  EXPECT_NE(error_of(Archive().link("l", "..").file("l/.wh.outside").end()), "no error");
  EXPECT_NE(error_of(Archive().file(".wh.x").hard_link("h", "x").end()), "no error");
}

TEST_F(Unpack, WhatAufsKeptForItselfIsLeftOut) {
  MUST(unpack_all(Archive().directory(".wh..wh.plnk").file(".wh..wh.plnk/1.2").file(".wh..wh.aufs").end()));
  EXPECT_TRUE(MUST(names_in(layer_.get(), ".")).empty());
}

TEST_F(Unpack, MarksOfOverlayfsAreNotTheArchivesToSet) {
  EXPECT_EQ(
      error_of(Archive().add({.path = "f", .xattrs = {{"trusted.overlay.redirect", "/etc"}}}).end()),
      "unpack 'f': 'f' has the extended attribute 'trusted.overlay.redirect', which belongs to overlayfs");
  EXPECT_NE(
      error_of(Archive()
                   .add({.type = TarType::Directory, .path = "d", .xattrs = {{"user.overlay.opaque", "y"}}})
                   .end()),
      "no error");
  EXPECT_EQ(error_of(Archive().add({.type = TarType::CharacterDevice, .path = "c"}).end()),
            "unpack 'c': device 0:0, which overlayfs takes for a whiteout");
}

TEST_F(Unpack, DevicesCanBeRefusedOrLeftOut) {
  const std::string tar =
      Archive().add({.type = TarType::CharacterDevice, .path = "dev/sda", .device_major = 8}).file("x").end();
  UnpackOptions options = usual();
  options.devices = DevicePolicy::Refuse;
  EXPECT_EQ(error_of(tar, options), "unpack 'dev/sda': device 8:0: no devices are allowed here");
  options.devices = DevicePolicy::Skip;
  const UnpackResult result = MUST(unpack_all(tar, options));
  EXPECT_FALSE(has("dev/sda"));
  EXPECT_TRUE(has("x"));
  EXPECT_EQ(result.losses, std::vector<std::string>{"device 'dev/sda' was left out"});
}

TEST_F(Unpack, DevicesWithMoreBitsThanLinuxHasAreRefused) {
  EXPECT_NE(error_of(Archive().add({.type = TarType::BlockDevice, .path = "b", .device_major = 4097}).end()),
            "no error");
}

TEST_F(Unpack, OwnersThatMeanNobodyAreRefused) {
  for (const std::uint64_t id : {0xffff'ffffULL, 0x1'0000'0000ULL, ~0ULL})
    EXPECT_NE(error_of(Archive().add({.path = "f", .uid = id}).end()), "no error");
}

TEST_F(Unpack, AttributesThatCannotBeSetAreRefusedOrReported) {
  // Of links there are no user attributes.
  const std::string tar =
      Archive()
          .add({.type = TarType::SymbolicLink, .path = "l", .link_target = "x", .xattrs = {{"user.a", "b"}}})
          .end();
  EXPECT_NE(error_of(tar), "no error");
  UnpackOptions options = usual();
  options.xattrs = LossPolicy::Report;
  const UnpackResult result = MUST(unpack_all(tar, options));
  EXPECT_EQ(result.loss_count, 1U);
  ASSERT_EQ(result.losses.size(), 1U);
  EXPECT_EQ(result.losses[0], "set extended attribute 'user.a' of 'l': Operation not permitted (EPERM)");
}

TEST_F(Unpack, DepthAndNumberOfEntriesAreLimited) {
  std::string deep = "d";
  for (std::size_t i = 1; i < kMaxDepth; ++i) deep += "/d";
  EXPECT_EQ(error_of(Archive().file(deep + "/f").end()), "no error");
  EXPECT_NE(error_of(Archive().file(deep + "/d/f").end()), "no error");
  // Deeper than any name, a link at a time.
  EXPECT_NE(error_of(Archive().file(deep + "/f").link("l", deep).file("l/d/f").end()), "no error");
  UnpackOptions options = usual();
  options.max_entries = 2;
  EXPECT_EQ(error_of(Archive().file("a").file("b").end(), options), "no error");
  EXPECT_NE(error_of(Archive().file("a").file("b").file("c").end(), options), "no error");
}

TEST_F(Unpack, AnArchiveCutAnywhereIsRefused) {
  const std::string tar = Archive().directory("d").file("d/f", std::string(600, 'x')).link("d/l", "f").end();
  // Every byte is the reader's test.
  for (std::size_t size = 0; size < tar.size(); size += 61)
    ASSERT_NE(error_of(tar.substr(0, size)), "no error") << size;
}

TEST_F(Unpack, ABombEndsAtTheLimitOfItsDecompression) {
  StringSink packed;
  const auto compressor = MUST(oci::compress(packed, {.compression = oci::Compression::Zstd}));
  MUST(compressor->write(bytes_of(Archive().file("zeros", std::string(32 << 20, '\0')).end())));
  MUST(compressor->finish());
  StringSource source(packed.text());
  const auto tar = MUST(oci::decompress(source, {.max_bytes = 4 << 20}));
  const auto result = unpack(*tar, layer_.get(), usual());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::ResourceExhausted);
  EXPECT_LE(at("zeros").st_size, 4 << 20);
}

TEST_F(Unpack, TheDirectoryHasToBeEmpty) {
  MUST(replace_file_at(layer_.get(), "x", "", 0600));
  const std::string tar = Archive().end();
  StringSource source(tar);
  EXPECT_FALSE(unpack(source, layer_.get(), usual()));
}

TEST_F(Unpack, AFullDiskIsSaid) {
  NEEDS_ROOT();
  const std::string tar = Archive().file("d/large", std::string(300'000, 'x')).end();
  testing::in_namespaces(CLONE_NEWNS, [&] {
    ASSERT_EQ(::mount("tmpfs", (base_ / "layer").c_str(), "tmpfs", 0, "size=128k"), 0);
    const UniqueFd full = MUST(open_at(AT_FDCWD, base_ / "layer", O_RDONLY | O_DIRECTORY));
    StringSource source(tar);
    const auto result = unpack(source, full.get(), usual());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(), "unpack 'd/large': write: No space left on device (ENOSPC)");
    EXPECT_EQ(result.error().code(), Code::ResourceExhausted);
  });
}

TEST_F(Unpack, ADirectoryThatItsOwnerCannotWriteIsFilledAllTheSame) {
  NEEDS_ROOT();
  const std::string tar =
      Archive().directory("d", 0555).file("d/f", "x", 0).directory("d/e", 0).file("d/e/f", "y", 0444).end();
  ASSERT_EQ(::fchown(layer_.get(), 65534, 65534), 0);
  testing::in_child([&] {
    ASSERT_EQ(::setresgid(65534, 65534, 65534), 0);
    ASSERT_EQ(::setresuid(65534, 65534, 65534), 0);
    StringSource source(tar);
    const auto result = unpack(source, layer_.get(), {.keep_owners = false});
    EXPECT_TRUE(result) << result.error().message();
  });
  EXPECT_EQ(at("d").st_mode, S_IFDIR | 0555U);
  EXPECT_EQ(at("d/e").st_mode, S_IFDIR | 0U);
  EXPECT_EQ(text("d/e/f"), "y");
  EXPECT_EQ(at("d/e/f").st_uid, 65534U);
}

TEST_F(Unpack, TheUmaskDoesNotCount) {
  testing::in_child([&] {
    (void)::umask(077);
    const std::string tar = Archive().file("f", "x", 0666).directory("d", 0777).end();
    StringSource source(tar);
    EXPECT_TRUE(unpack(source, layer_.get(), usual()));
  });
  EXPECT_EQ(at("f").st_mode, S_IFREG | 0666U);
  EXPECT_EQ(at("d").st_mode, S_IFDIR | 0777U);
}

// ---- the layers below

class Below final : public ParentView {
 public:
  explicit Below(int directory) : directory_(directory) {}
  Result<int> directory() override {
    ++asked_;
    return directory_;
  }
  int asked() const { return asked_; }

 private:
  int directory_;
  int asked_ = 0;
};

class UnpackAbove : public Unpack {
 protected:
  void SetUp() override {
    Unpack::SetUp();
    MUST(make_directories(below_ / "usr/lib", 0755));
    ASSERT_EQ(::chmod((below_ / "usr").c_str(), 01711), 0);
    ASSERT_EQ(::setxattr((below_ / "usr").c_str(), "user.note", "n", 1, 0), 0);
    const timespec times[2] = {kTime, kTime};
    ASSERT_EQ(::utimensat(below_.fd(), "usr", times, 0), 0);
    ASSERT_EQ(::symlinkat("usr/lib", below_.fd(), "lib"), 0);
    MUST(replace_file_at(below_.fd(), "usr/lib/file", "below", 0640));
    ASSERT_EQ(::symlinkat("file", below_.fd(), "usr/lib/link"), 0);
  }
  TempDir below_;
};

TEST_F(UnpackAbove, ParentsAreNotAskedWhenTheArchiveSaysAll) {
  Below below(below_.fd());
  const UnpackResult result = MUST(unpack_all(
      Archive().directory("usr").file("usr/x").file("usr/.wh.lib").hard_link("usr/y", "usr/x").end(), usual(),
      &below));
  EXPECT_EQ(below.asked(), 0);
  EXPECT_FALSE(result.has_used_parents);
}

TEST_F(UnpackAbove, ImpliedDirectoriesAreAsTheyAreBelow) {
  Below below(below_.fd());
  const UnpackResult result =
      MUST(unpack_all(Archive().file("usr/bin/x").file("usr/y").end(), usual(), &below));
  EXPECT_EQ(below.asked(), 1);
  EXPECT_TRUE(result.has_used_parents);
  EXPECT_EQ(at("usr").st_mode, S_IFDIR | 01711U);
  EXPECT_EQ(at("usr").st_mtim.tv_sec, kTime.tv_sec);
  EXPECT_EQ(xattr("usr", "user.note"), "n");
  EXPECT_EQ(at("usr/bin").st_mode, S_IFDIR | 0755U);
}

TEST_F(UnpackAbove, ALinkBelowIsFollowedUnlessThisLayerHasADirectory) {
  Below below(below_.fd());
  MUST(unpack_all(Archive().file("lib/new", "1").end(), usual(), &below));
  EXPECT_EQ(text("usr/lib/new"), "1");
  EXPECT_FALSE(has("lib"));
  EXPECT_EQ(error_of(Archive().directory("lib").file("lib/new", "1").end()), "no error");
}

TEST_F(UnpackAbove, WhatThisLayerHidesIsNotLookedUp) {
  Below below(below_.fd());
  MUST(unpack_all(Archive()
                      .file(".wh.lib")
                      .file("lib/new", "1")
                      .directory("usr")
                      .file("usr/.wh..wh..opq")
                      .file("usr/lib/x")
                      .end(),
                  usual(), &below));
  EXPECT_EQ(text("lib/new"), "1");
  EXPECT_TRUE(is_opaque("lib"));
  EXPECT_EQ(at("usr/lib").st_mode, S_IFDIR | 0755U);
  EXPECT_EQ(below.asked(), 0);
  EXPECT_NE(
      error_of(Archive().directory("usr").file("usr/.wh..wh..opq").hard_link("h", "usr/lib/file").end()),
      "no error");
}

TEST_F(UnpackAbove, AHardLinkBringsItsTargetUp) {
  Below below(below_.fd());
  const UnpackResult result = MUST(
      unpack_all(Archive().hard_link("h", "lib/file").hard_link("l", "usr/lib/link").end(), usual(), &below));
  EXPECT_TRUE(result.has_used_parents);
  EXPECT_EQ(text("usr/lib/file"), "below");
  EXPECT_EQ(at("usr/lib/file").st_mode, S_IFREG | 0640U);
  EXPECT_EQ(at("h").st_ino, at("usr/lib/file").st_ino);
  EXPECT_EQ(target("l"), "file");
  EXPECT_EQ(MUST(read_file_at(below_.fd(), "usr/lib/file")), "below");
}

TEST_F(UnpackAbove, AnOpaqueRootHidesAllByName) {
  Below below(below_.fd());
  MUST(unpack_all(Archive().file(".wh..wh..opq").directory("usr").file("etc/x").end(), usual(), &below));
  EXPECT_TRUE(is_whiteout(at("lib")));
  EXPECT_TRUE(is_opaque("usr"));
  EXPECT_FALSE(is_opaque("etc"));
}

TEST_F(UnpackAbove, AnErrorOfTheParentsIsTheLayers) {
  class Failing final : public ParentView {
    Result<int> directory() override { return error(Code::Unavailable, "the layer below failed"); }
  } failing;
  const auto result = unpack_all(Archive().file("usr/x").end(), usual(), &failing);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "unpack 'usr/x': the layer below failed");
}

}  // namespace
}  // namespace gantry::image
