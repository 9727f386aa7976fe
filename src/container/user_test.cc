// SPDX-License-Identifier: Apache-2.0
#include "container/user.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::container {
namespace {

using Gids = std::vector<std::uint32_t>;

constexpr UserFiles kFiles{.passwd =
                               "root:x:0:0:root:/root:/bin/sh\n"
                               "broken line\n"
                               "half:x:12\n"
                               "web:x:1000:1001:Web Server:/srv/web:/bin/false\n"
                               "odd:x:1002:1002::relative:/bin/sh\n"
                               "short:x:1003:1003::/home/short\n"
                               "huge:x:99999999999:0::/:/bin/sh\n",
                           .group =
                               "root:x:0:\n"
                               "wheel:x:10:root,web\n"
                               "staff:x:50:other,web,last\n"
                               "webs:x:1001:\n"
                               "nobody\n"};

TEST(User, without_a_name_is_root_with_its_groups) {
  const ContainerUser user = MUST(find_user(kFiles, ""));
  EXPECT_EQ(user.uid, 0U);
  EXPECT_EQ(user.gid, 0U);
  EXPECT_EQ(user.home, "/root");
  EXPECT_EQ(user.additional_gids, (Gids{0, 10}));
}

TEST(User, by_name_has_its_group_home_and_memberships) {
  const ContainerUser user = MUST(find_user(kFiles, "web"));
  EXPECT_EQ(user.uid, 1000U);
  EXPECT_EQ(user.gid, 1001U);
  EXPECT_EQ(user.home, "/srv/web");
  EXPECT_EQ(user.additional_gids, (Gids{10, 50, 1001}));
}

TEST(User, by_number_is_the_same_user) {
  EXPECT_EQ(MUST(find_user(kFiles, "1000")).additional_gids, (Gids{10, 50, 1001}));
  EXPECT_EQ(MUST(find_user(kFiles, "1000")).name, "web");
}

TEST(User, by_a_number_nobody_has_is_in_group_0) {
  const ContainerUser user = MUST(find_user(kFiles, "4242"));
  EXPECT_EQ(user.uid, 4242U);
  EXPECT_EQ(user.gid, 0U);
  EXPECT_EQ(user.home, "/");
  EXPECT_EQ(user.additional_gids, Gids{0});
}

TEST(User, with_a_group_has_only_that_one) {
  EXPECT_EQ(MUST(find_user(kFiles, "web:staff")).gid, 50U);
  EXPECT_EQ(MUST(find_user(kFiles, "web:staff")).additional_gids, Gids{50});
  EXPECT_EQ(MUST(find_user(kFiles, "4242:77")).gid, 77U);
  EXPECT_EQ(MUST(find_user(kFiles, ":staff")).gid, 50U);
}

TEST(User, gets_additional_groups_by_name_or_number_once) {
  EXPECT_EQ(MUST(find_user(kFiles, "web:webs", {"staff", "7", "50"})).additional_gids, (Gids{7, 50, 1001}));
}

TEST(User, that_is_not_there_is_an_error_in_Dockers_words) {
  EXPECT_EQ(find_user(kFiles, "nosuch").error().message(),
            "unable to find user nosuch: no matching entries in passwd file");
  EXPECT_EQ(find_user(kFiles, "web:nosuch").error().message(),
            "unable to find group nosuch: no matching entries in group file");
  EXPECT_EQ(find_user(kFiles, "web", {"nosuch"}).error().code(), Code::InvalidArgument);
  for (const char* user : {"half", "huge", "nobody", "4294967295", "-1", "1.5", "broken line"})
    EXPECT_FALSE(find_user(kFiles, user)) << user;
}

TEST(User, has_no_home_that_is_no_absolute_path) {
  EXPECT_EQ(MUST(find_user(kFiles, "odd")).home, "/");
  EXPECT_EQ(MUST(find_user(kFiles, "short")).home, "/home/short");
}

class UserInRoot : public ::testing::Test {
 protected:
  UserInRoot() { MUST(make_directories(dir_ / "etc", 0755)); }
  Result<ContainerUser> find(std::string_view user) {
    return find_user(MUST(kernel::RootDir::open(dir_.path())), user);
  }
  testing::TempDir dir_;
};

TEST_F(UserInRoot, is_read_from_the_roots_own_files) {
  MUST(replace_file_at(dir_.fd(), "etc/passwd", kFiles.passwd, 0644));
  MUST(replace_file_at(dir_.fd(), "etc/group", kFiles.group, 0644));
  EXPECT_EQ(MUST(find("web")).gid, 1001U);
}

TEST_F(UserInRoot, needs_no_files_for_numbers) {
  EXPECT_EQ(MUST(find("5:6")).gid, 6U);
  EXPECT_FALSE(find("web"));
}

TEST_F(UserInRoot, is_not_looked_up_outside_through_a_link) {
  testing::TempDir outside;
  MUST(replace_file_at(outside.fd(), "passwd", "evil:x:0:0::/:/bin/sh\n", 0644));
  ASSERT_EQ(::symlink((outside / "passwd").c_str(), (dir_ / "etc/passwd").c_str()), 0);
  EXPECT_FALSE(find("evil"));
  ASSERT_EQ(::unlink((dir_ / "etc/passwd").c_str()), 0);
  ASSERT_EQ(::symlink("../../../../../../etc/passwd", (dir_ / "etc/passwd").c_str()), 0);
  EXPECT_FALSE(find("root"));  // the link leads to itself
}

TEST_F(UserInRoot, follows_a_link_that_stays_inside) {
  MUST(replace_file_at(dir_.fd(), "users", kFiles.passwd, 0644));
  ASSERT_EQ(::symlink("/users", (dir_ / "etc/passwd").c_str()), 0);
  EXPECT_EQ(MUST(find("web")).uid, 1000U);
}

TEST_F(UserInRoot, does_not_wait_for_a_fifo_and_reads_no_endless_file) {
  ASSERT_EQ(::mkfifo((dir_ / "etc/passwd").c_str(), 0644), 0);
  EXPECT_FALSE(find("web"));
  const UniqueFd large(::open((dir_ / "etc/group").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  ASSERT_EQ(::ftruncate(large.get(), off_t{1} << 40), 0);
  EXPECT_FALSE(find("5:staff"));
}

}  // namespace
}  // namespace gantry::container
