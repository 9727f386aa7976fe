// SPDX-License-Identifier: Apache-2.0
#include "image/compose/root_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::TempDir;

constexpr std::int64_t kEpoch = 1'700'000'000;

class RootFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give files away";
    MUST(make_directories(directory_ / "etc", 0755));
    write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nold:x:1000:1000::/home/old:/bin/sh\n");
    write("etc/group", "root:x:0:\nshadow:x:42:\ntty:x:5:root\nold:x:1000:\n");
    write("etc/shadow", "root:*:1::::::\n");
  }
  void write(const std::string& path, std::string_view text) {
    MUST(replace_file_at(directory_.fd(), path, text, 0644));
  }
  std::string read(const std::string& path) { return MUST(read_file_at(directory_.fd(), path)); }
  struct stat look(const std::string& path) {
    struct stat found{};
    EXPECT_EQ(::fstatat(directory_.fd(), path.c_str(), &found, AT_SYMLINK_NOFOLLOW), 0) << path;
    return found;
  }
  kernel::RootDir root() { return MUST(kernel::RootDir::open(directory_.path())); }

  TempDir directory_;
};

TEST_F(RootFiles, AUserHasAccountGroupAndHome) {
  MUST(add_users(
      root(),
      {{.name = "web", .groups = {"tty", "shadow"}}, {.name = "app", .uid = 7, .gid = 8, .home = "/srv/app"}},
      kEpoch));
  EXPECT_NE(read("etc/passwd").find("web:x:1001:1001::/home/web:/bin/sh\n"), std::string::npos);
  EXPECT_NE(read("etc/passwd").find("app:x:7:8::/srv/app:/bin/sh\n"), std::string::npos);
  EXPECT_NE(read("etc/group").find("tty:x:5:root,web\n"), std::string::npos);
  EXPECT_NE(read("etc/group").find("shadow:x:42:web\n"), std::string::npos);
  EXPECT_NE(read("etc/group").find("app:x:8:\n"), std::string::npos);
  EXPECT_NE(read("etc/shadow").find("web:!:19675::::::\n"), std::string::npos);
  EXPECT_EQ(look("home/web").st_uid, 1001u);
  EXPECT_EQ(look("srv/app").st_gid, 8u);
  EXPECT_EQ(look("etc/shadow").st_mode & 07777, 0640u);
  EXPECT_EQ(look("etc/shadow").st_gid, 42u);
}

TEST_F(RootFiles, AUserIsThereOnce) {
  EXPECT_EQ(add_users(root(), {{.name = "old"}}, kEpoch).error().code(), Code::AlreadyExists);
  EXPECT_EQ(add_users(root(), {{.name = "new", .uid = 1000}}, kEpoch).error().code(), Code::AlreadyExists);
  EXPECT_EQ(add_users(root(), {{.name = "new", .groups = {"none"}}}, kEpoch).error().code(), Code::NotFound);
}

TEST_F(RootFiles, FilesAreAsDescribed) {
  const TempDir base;
  MUST(replace_file_at(base.fd(), "source", "from the host", 0600));
  MUST(add_files(root(),
                 {{.path = "/etc/motd", .content = "hello\n"},
                  {.path = "/opt/x/bin", .source = "source", .mode = "0755", .owner = "old"},
                  {.path = "/opt/link", .link = "x/bin"},
                  {.path = "/data", .mode = "1777", .owner = "5:6"}},
                 base.path()));
  EXPECT_EQ(read("etc/motd"), "hello\n");
  EXPECT_EQ(look("etc/motd").st_mode & 07777, 0644u);
  EXPECT_EQ(read("opt/x/bin"), "from the host");
  EXPECT_EQ(look("opt/x/bin").st_uid, 1000u);
  EXPECT_TRUE(S_ISLNK(look("opt/link").st_mode));
  EXPECT_EQ(look("data").st_mode & 07777, 01777u);
  EXPECT_EQ(look("data").st_gid, 6u);
  EXPECT_EQ(add_files(root(), {{.path = "/x", .content = "", .owner = "nobody"}}, ".").error().code(),
            Code::NotFound);
}

TEST_F(RootFiles, NothingIsWrittenOutside) {
  const TempDir outside;
  ASSERT_EQ(::symlinkat(outside.path().c_str(), directory_.fd(), "opt"), 0);
  ASSERT_EQ(::symlinkat((outside / "file").c_str(), directory_.fd(), "etc/motd"), 0);
  MUST(add_files(root(), {{.path = "/opt/x", .content = "x"}, {.path = "/etc/motd", .content = "x"}}, "."));
  MUST(remove_traces(root()));
  EXPECT_TRUE(MUST(names_in(outside.fd(), ".")).empty());
}

TEST_F(RootFiles, TracesOfThisHostGoAndDirectoriesOfPackagesStay) {
  MUST(make_directories(directory_ / "var/log/nginx", 0755));
  write("var/log/dpkg.log", "x");
  write("var/log/nginx/error.log", "x");
  write("etc/hostname", "this-host");
  MUST(remove_traces(root()));
  EXPECT_NE(::faccessat(directory_.fd(), "etc/hostname", F_OK, 0), 0);
  EXPECT_TRUE(S_ISDIR(look("var/log/nginx").st_mode));
  EXPECT_TRUE(MUST(names_in(directory_.fd(), "var/log/nginx")).empty());
}

TEST_F(RootFiles, NoFileIsYoungerThanTheEpoch) {
  MUST(clamp_times(root(), kEpoch));
  EXPECT_EQ(look("etc").st_mtim.tv_sec, kEpoch);
  EXPECT_EQ(look("etc/passwd").st_mtim.tv_sec, kEpoch);
}

}  // namespace
}  // namespace gantry::image
