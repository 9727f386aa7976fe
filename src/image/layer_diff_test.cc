// SPDX-License-Identifier: Apache-2.0
#include "image/layer_diff.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/file.h"
#include "image/test_layers.h"
#include "image/unpack.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {

// How GoogleTest shows one.
void PrintTo(const Change& change, std::ostream* out) {
  *out << "CAD"[static_cast<int>(change.kind)] << ' ' << change.path;
}

namespace {

using testing::TempDir;

constexpr auto M = ChangeKind::Modified;
constexpr auto A = ChangeKind::Added;
constexpr auto D = ChangeKind::Deleted;

void shell(const std::string& directory, const std::string& commands) {
  ASSERT_EQ(std::system(("set -e; cd '" + directory + "'; " + commands).c_str()), 0) << commands;
}

std::string layer_of(int upper, const std::vector<int>& lowers = {}, const LayerOptions& options = {}) {
  StringSink sink;
  MUST(write_layer(upper, lowers, options, sink));
  return sink.take();
}

// An overlay mount as containers have one: a lower layer, an upper one, and what is seen of both.
class Diff : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"lower", "upper", "work", "merged"}) MUST(make_directories(base_ / name, 0755));
    lower_ = MUST(open_at(base_.fd(), "lower", O_RDONLY | O_DIRECTORY));
    upper_ = MUST(open_at(base_.fd(), "upper", O_RDONLY | O_DIRECTORY));
    shell(base_ / "lower",
          "mkdir -p etc/deep usr/lib old; echo motd >etc/motd; echo passwd >etc/passwd; echo x >etc/deep/x;"
          "echo lib >usr/lib/a; echo b >usr/lib/b; echo o >old/o; ln -s motd etc/link");
  }
  // Runs the commands in the merged view.
  void change(const std::string& commands) {
    testing::in_namespaces(CLONE_NEWNS, [&] {
      const std::string options = "redirect_dir=off,metacopy=off,index=off,lowerdir=" + base_ / "lower" +
                                  ",upperdir=" + base_ / "upper" + ",workdir=" + base_ / "work";
      ASSERT_EQ(::mount("overlay", (base_ / "merged").c_str(), "overlay", 0, options.c_str()), 0) << errno;
      shell(base_ / "merged", commands);
    });
  }
  std::vector<Change> listed() {
    const int lowers[] = {lower_.get()};
    return MUST(changes(upper_.get(), lowers));
  }

  TempDir base_;
  UniqueFd lower_, upper_;
};

TEST_F(Diff, NothingWrittenIsNoChange) {
  NEEDS_ROOT();
  change("cat etc/motd >/dev/null; ls -R >/dev/null");
  EXPECT_TRUE(listed().empty());
  EXPECT_TRUE(paths_in(layer_of(upper_.get(), {lower_.get()})).empty());
}

TEST_F(Diff, ChangesAreAsDockerListsThem) {
  NEEDS_ROOT();
  change(
      "echo more >>etc/motd; echo new >usr/lib/new; mkdir -p srv/www; echo i >srv/www/index; rm etc/deep/x");
  EXPECT_EQ(listed(), (std::vector<Change>{{M, "/etc/deep"},
                                           {D, "/etc/deep/x"},
                                           {M, "/etc/motd"},
                                           {A, "/srv"},
                                           {A, "/srv/www"},
                                           {A, "/srv/www/index"},
                                           {M, "/usr/lib"},
                                           {A, "/usr/lib/new"}}));
  EXPECT_EQ(paths_in(layer_of(upper_.get(), {lower_.get()})),
            (std::vector<std::string>{"etc/", "etc/deep/", "etc/deep/.wh.x", "etc/motd", "srv/", "srv/www/",
                                      "srv/www/index", "usr/", "usr/lib/", "usr/lib/new"}));
}

TEST_F(Diff, AttributesAloneAreAChange) {
  NEEDS_ROOT();
  change("chmod 700 usr; chown 5 etc/passwd; setfattr -n user.note -v n old 2>/dev/null || chmod 711 old");
  EXPECT_EQ(listed(), (std::vector<Change>{{M, "/etc/passwd"}, {M, "/old"}, {M, "/usr"}}));
}

TEST_F(Diff, RemovedDirectoriesAndFilesInTheirPlace) {
  NEEDS_ROOT();
  change("rm -r usr old; echo file >old; rm etc/link; mkdir etc/link");
  EXPECT_EQ(listed(), (std::vector<Change>{{M, "/etc"}, {M, "/etc/link"}, {M, "/old"}, {D, "/usr"}}));
}

TEST_F(Diff, ADirectoryMadeAnewIsOpaque) {
  NEEDS_ROOT();
  change("rm -r usr/lib; mkdir usr/lib; echo a >usr/lib/a; echo c >usr/lib/c");
  EXPECT_EQ(listed(),
            (std::vector<Change>{
                {M, "/usr"}, {M, "/usr/lib"}, {M, "/usr/lib/a"}, {D, "/usr/lib/b"}, {A, "/usr/lib/c"}}));
  EXPECT_EQ(paths_in(layer_of(upper_.get(), {lower_.get()})),
            (std::vector<std::string>{"usr/", "usr/lib/", "usr/lib/.wh..wh..opq", "usr/lib/a", "usr/lib/c"}));
}

TEST_F(Diff, SeveralLayersAreReadAsOne) {
  NEEDS_ROOT();
  // The layer between removes "old", makes "usr/lib" opaque and adds "mid".
  TempDir middle;
  shell(middle.path(),
        "mknod old c 0 0; mkdir -p usr/lib mid; echo m >mid/m; setfattr -n trusted.overlay.opaque -v y "
        "usr/lib");
  shell(
      base_ / "upper",
      "mkdir -p usr/lib old mid; echo b >usr/lib/b; echo o >old/o; mknod mid/m c 0 0; mknod usr/lib/a c 0 0;"
      "touch -r '" +
          middle.path() + "/mid' mid");
  const int lowers[] = {middle.fd(), lower_.get()};
  std::vector<Change> list = MUST(changes(upper_.get(), lowers));
  std::erase_if(list,
                [](const Change& change) { return change.path == "/usr" || change.path == "/usr/lib"; });
  EXPECT_EQ(list,
            (std::vector<Change>{{M, "/mid"}, {D, "/mid/m"}, {A, "/old"}, {A, "/old/o"}, {A, "/usr/lib/b"}}));
}

TEST_F(Diff, EverythingSurvivesTheWayThroughATar) {
  NEEDS_ROOT();
  shell(
      base_ / "upper",
      "mkdir -p d/sub gone; echo f >d/f; ln d/f d/hard; ln -s /x d/link; mkfifo -m 600 d/fifo; mknod -m 666 "
      "d/null c 1 3;"
      "mknod -m 660 d/disk b 259 70000; chown 4294967294:3000000000 d/f; chmod 4751 d/f; chmod 3777 d/sub;"
      "truncate -s 5M d/sparse; echo middle | dd of=d/sparse bs=1 seek=2000000 conv=notrunc 2>/dev/null;"
      "truncate -s 4M d/hole; setfattr -n user.note -v 'a b' d/f; setfattr -n trusted.note -v t d;"
      "setfacl -m u:1000:r d/sub; setcap cap_net_raw+ep d/f 2>/dev/null || true;"
      "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('d/socket')\" || mkfifo d/socket;"
      "n=$(printf %0200d 0 | tr 0 n); mkdir -p d/$n; echo long >d/$n/$n; touch d/$(printf 'odd\\nna\\377me');"
      "mknod d/removed c 0 0; setfattr -n trusted.overlay.opaque -v y gone;"
      "find . -exec touch -h -d @1500000000.987654321 {} +");
  const std::string tar = layer_of(upper_.get());
  TempDir copy;
  ASSERT_EQ(::fchmod(copy.fd(), 0755), 0);
  StringSource source(tar);
  const UnpackResult result = MUST(unpack(source, copy.fd(), {}));
  EXPECT_EQ(result.loss_count, 0U);
  EXPECT_TRUE(layer_of(copy.fd()) == tar) << "equal trees, equal bytes";

  const std::string describe =
      "find . ! -name . ! -name removed -printf '%p %y %m %U:%G %s %T@ %n %l\\n' | sort;"
      "getfattr -Rhd -m - . | sort; find . -type b -o -type c | sort | xargs stat -c '%n %t %T'";
  shell(base_ / "upper", "(" + describe + ") >'" + base_ / "expected" + "'");
  shell(copy.path(), "(" + describe + ") >'" + base_ / "found" + "'");
  EXPECT_EQ(MUST(read_file(base_ / "found")), MUST(read_file(base_ / "expected")));
  struct stat st{};
  ASSERT_EQ(::fstatat(copy.fd(), "d/sparse", &st, 0), 0);
  EXPECT_LT(st.st_blocks * 512, 100'000);
  ASSERT_EQ(::fstatat(copy.fd(), "d/f", &st, 0), 0);
  EXPECT_EQ(st.st_nlink, 2U);
  EXPECT_EQ(st.st_uid, 4294967294U);
  EXPECT_EQ(st.st_mtim.tv_nsec, 987654321);
}

TEST_F(Diff, OthersReadWhatIsWritten) {
  NEEDS_ROOT();
  if (std::system("command -v bsdtar >/dev/null") != 0) GTEST_SKIP() << "needs bsdtar";
  shell(base_ / "upper",
        "mkdir d; echo f >d/f; ln d/f d/hard; n=$(printf %0200d 0 | tr 0 n); echo long >d/$n; truncate -s 1M "
        "d/sparse;"
        "echo end >>d/sparse; setfattr -n user.note -v 'a b' d/f; find . -exec touch -h -d "
        "@1500000000.987654321 {} +");
  MUST(replace_file_at(base_.fd(), "layer.tar", layer_of(upper_.get()), 0600));
  const std::string describe =
      "(find . ! -name . -printf '%p %y %m %s %T@ %n\\n' | sort; cat d/f d/sparse | sha256sum)";
  shell(base_ / "upper", describe + " >../expected");
  for (const char* reader :
       {"tar --xattrs -xf", "bsdtar -xpf",
        "python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(\".\")'"}) {
    TempDir copy;
    shell(copy.path(), std::string(reader) + " '" + base_ / "layer.tar" + "'");
    // Python's times are floating point.
    shell(copy.path(),
          "find . -newermt @1499999999 ! -newermt @1500000002 -exec touch -h -d @1500000000.987654321 {} +");
    shell(copy.path(), describe + " >'" + base_ / "found" + "'");
    EXPECT_EQ(MUST(read_file(base_ / "found")), MUST(read_file(base_ / "expected"))) << reader;
  }
}

TEST_F(Diff, TheRootIsWrittenOnlyWhenItChanged) {
  EXPECT_TRUE(paths_in(layer_of(upper_.get(), {lower_.get()})).empty());
  ASSERT_EQ(::fchmod(upper_.get(), 0700), 0);
  EXPECT_EQ(paths_in(layer_of(upper_.get(), {lower_.get()})), std::vector<std::string>{"./"});
  EXPECT_EQ(paths_in(layer_of(upper_.get())), std::vector<std::string>{"./"});
}

TEST_F(Diff, WhatALayerCannotSayIsRefused) {
  MUST(replace_file_at(upper_.get(), ".wh.x", "", 0600));
  StringSink sink;
  const auto result = write_layer(upper_.get(), {}, {}, sink);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(),
            "archive '.wh.x': a layer cannot hold a file of that name: it means a whiteout");
  EXPECT_EQ(paths_in(layer_of(upper_.get(), {}, {.has_whiteouts = false})),
            std::vector<std::string>{".wh.x"});
}

TEST_F(Diff, ReferencesToLayersBelowAreRefused) {
  NEEDS_ROOT();
  shell(base_ / "upper", "mkdir moved; setfattr -n trusted.overlay.redirect -v /old moved");
  StringSink sink;
  EXPECT_FALSE(write_layer(upper_.get(), {}, {}, sink));
  const auto result = changes(upper_.get(), {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::Unsupported);
  EXPECT_EQ(result.error().message(),
            "list changes: '/moved' is only a reference to a layer below ('trusted.overlay.redirect')");
}

}  // namespace
}  // namespace gantry::image
