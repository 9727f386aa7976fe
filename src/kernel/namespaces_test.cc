// SPDX-License-Identifier: Apache-2.0
#include "kernel/namespaces.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "base/file.h"
#include "base/process.h"
#include "kernel/pidfd.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

using testing::in_child;

constexpr struct {
  std::uint64_t flag;
  std::string_view file, name;
} kKinds[] = {{CLONE_NEWNS, "mnt", "mount"},         {CLONE_NEWPID, "pid", "pid"},
              {CLONE_NEWNET, "net", "network"},      {CLONE_NEWUTS, "uts", "uts"},
              {CLONE_NEWIPC, "ipc", "ipc"},          {CLONE_NEWUSER, "user", "user"},
              {CLONE_NEWCGROUP, "cgroup", "cgroup"}, {CLONE_NEWTIME, "time", "time"}};

std::string own_path(std::string_view file) { return fmt::format("/proc/self/ns/{}", file); }

TEST(Namespaces, have_a_file_and_a_name) {
  for (const auto& [flag, file, name] : kKinds) {
    EXPECT_EQ(namespace_file(flag), file);
    EXPECT_EQ(namespace_name(flag), name);
  }
  EXPECT_EQ(namespace_file(CLONE_NEWNS | CLONE_NEWPID), "?");
  EXPECT_EQ(namespace_name(0), "?");
}

TEST(OpenNamespace, opens_one_of_each_kind) {
  for (const auto& kind : kKinds) {
    UniqueFd fd = MUST(open_namespace(own_path(kind.file), kind.flag));
    EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  }
}

TEST(OpenNamespace, the_wrong_kind_is_an_error_that_says_which) {
  for (const auto& is : kKinds) {
    for (const auto& wanted : kKinds) {
      if (is.flag == wanted.flag) continue;
      const auto opened = open_namespace(own_path(is.file), wanted.flag);
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().code(), Code::InvalidArgument);
      EXPECT_EQ(opened.error().message(), fmt::format("'{}' is a {} namespace, not a {} namespace",
                                                      own_path(is.file), is.name, wanted.name));
    }
  }
}

TEST(OpenNamespace, what_is_no_namespace_is_an_error_and_does_not_hang) {
  testing::TempDir dir;
  MUST(replace_file_at(dir.fd(), "file", "", 0644));
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("/proc/self/status", (dir / "link").c_str()), 0);
  for (const std::string& path :
       {dir / "file", dir / "fifo", dir / "link", dir.path(), std::string("/dev/null")}) {
    const auto opened = open_namespace(path, CLONE_NEWNET);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message(), "'" + path + "' is not a namespace");
  }
  const auto missing = open_namespace(dir / "missing", CLONE_NEWNET);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::NotFound);
}

TEST(Namespaces, are_the_same_or_not) {
  UniqueFd user = MUST(open_namespace(own_path("user"), CLONE_NEWUSER));
  UniqueFd again = MUST(open_namespace(fmt::format("/proc/{}/ns/user", ::getpid()), CLONE_NEWUSER));
  UniqueFd mount = MUST(open_namespace(own_path("mnt"), CLONE_NEWNS));
  EXPECT_TRUE(is_same_namespace(user.get(), again.get()));
  EXPECT_FALSE(is_same_namespace(user.get(), mount.get()));
  EXPECT_FALSE(is_same_namespace(user.get(), -1));
}

TEST(Namespaces, can_be_left_and_entered_again) {
  NEEDS_ROOT();
  in_child([] {
    UniqueFd old = MUST(open_namespace(own_path("uts"), CLONE_NEWUTS));
    MUST(unshare_namespaces(CLONE_NEWUTS));
    UniqueFd made = MUST(open_namespace(own_path("uts"), CLONE_NEWUTS));
    EXPECT_FALSE(is_same_namespace(old.get(), made.get()));
    MUST(enter_namespace(old.get(), CLONE_NEWUTS));
    UniqueFd now = MUST(open_namespace(own_path("uts"), CLONE_NEWUTS));
    EXPECT_TRUE(is_same_namespace(old.get(), now.get()));
  });
}

TEST(Namespaces, a_descriptor_of_another_kind_is_refused) {
  UniqueFd uts = MUST(open_namespace(own_path("uts"), CLONE_NEWUTS));
  const auto entered = enter_namespace(uts.get(), CLONE_NEWNET);
  ASSERT_FALSE(entered);
  EXPECT_EQ(entered.error().message(), "enter network namespace: Invalid argument (EINVAL)");
  const auto nothing = enter_namespace(-1, CLONE_NEWNET);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().errno_value(), EBADF);
}

// ---- clone

int status_of(pid_t pid) {
  int status = -1;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

TEST(CloneProcess, is_as_fork_without_flags) {
  const pid_t child = MUST(clone_process({}));
  if (child == 0) ::_exit(7);
  EXPECT_EQ(WEXITSTATUS(status_of(child)), 7);
}

TEST(CloneProcess, gives_a_pidfd_of_the_child) {
  int pidfd = -1;
  const pid_t child = MUST(clone_process({.pidfd = &pidfd}));
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  UniqueFd owned(pidfd);
  EXPECT_FALSE(wait_for_end(pidfd, std::chrono::milliseconds(0)));
  MUST(send_signal(pidfd, SIGKILL));
  EXPECT_TRUE(wait_for_end(pidfd, std::chrono::seconds(10)));
  EXPECT_EQ(WTERMSIG(status_of(child)), SIGKILL);
}

TEST(CloneProcess, makes_the_namespaces_before_the_child_begins) {
  NEEDS_ROOT();
  const pid_t child = MUST(clone_process({.flags = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNS}));
  if (child == 0) ::_exit(::getpid() == 1 && ::sethostname("x", 1) == 0 ? 0 : 1);
  EXPECT_EQ(status_of(child), 0);
  char name[65];
  ASSERT_EQ(::gethostname(name, sizeof name), 0);
  EXPECT_STRNE(name, "x");
}

TEST(CloneProcess, a_sibling_is_a_child_of_ones_parent) {
  // The middle process ends at once; its "child" is ours to wait for.
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  const pid_t middle = MUST(clone_process({}));
  if (middle == 0) {
    const auto sibling = clone_process({.flags = CLONE_PARENT});
    if (!sibling) ::_exit(1);
    if (*sibling == 0) ::_exit(9);
    ::_exit(::write(write_end.get(), &*sibling, sizeof *sibling) == sizeof *sibling ? 0 : 1);
  }
  EXPECT_EQ(status_of(middle), 0);
  pid_t sibling = 0;
  ASSERT_EQ(::read(read_end.get(), &sibling, sizeof sibling), ssize_t{sizeof sibling});
  EXPECT_EQ(WEXITSTATUS(status_of(sibling)), 9);
}

TEST(CloneProcess, reports_what_the_kernel_refuses) {
  const auto contradiction = clone_process({.flags = CLONE_NEWNS | CLONE_FS});
  if (contradiction && *contradiction == 0) ::_exit(0);
  ASSERT_FALSE(contradiction);
  EXPECT_EQ(contradiction.error().message(), "start process in new namespaces: Invalid argument (EINVAL)");
  testing::TempDir dir;
  const auto no_cgroup = clone_process({.cgroup = dir.fd()});
  if (no_cgroup && *no_cgroup == 0) ::_exit(0);
  EXPECT_FALSE(no_cgroup) << "a directory that is no control group";
}

}  // namespace
}  // namespace gantry::kernel
