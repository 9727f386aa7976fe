// SPDX-License-Identifier: Apache-2.0
#include "kernel/seccomp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

namespace gantry::kernel {
namespace {

// getppid(2) gets `action`, all else is allowed.
std::vector<sock_filter> filter_getppid(std::uint32_t action) {
  return {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1), BPF_STMT(BPF_RET | BPF_K, action),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
}

// A filter is for life, so every test has a child; its exit status is what `body` returns.
template <class Body>
int status_of_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST(Seccomp, InstallsAFilterThatTheKernelObeys) {
  const int status = status_of_child([] {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const Result<UniqueFd> listener = install_seccomp_filter(filter_getppid(SECCOMP_RET_ERRNO | ENOTTY), 0);
    if (!listener || *listener) return 1;
    return ::syscall(SYS_getppid) == -1 && errno == ENOTTY ? 0 : 2;
  });
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Seccomp, KillsTheProcess) {
  const int status = status_of_child([] {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (!install_seccomp_filter(filter_getppid(SECCOMP_RET_KILL_PROCESS), 0)) return 1;
    ::syscall(SYS_getppid);
    return 2;
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}

TEST(Seccomp, ReturnsAListenerThatDoesNotOutliveExec) {
  if (!has_seccomp_action(SECCOMP_RET_USER_NOTIF)) GTEST_SKIP() << "no SECCOMP_RET_USER_NOTIF";
  const int status = status_of_child([] {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const Result<UniqueFd> listener =
        install_seccomp_filter(filter_getppid(SECCOMP_RET_USER_NOTIF), SECCOMP_FILTER_FLAG_NEW_LISTENER);
    if (!listener || !*listener) return 1;
    return ::fcntl(listener->get(), F_GETFD) == FD_CLOEXEC ? 0 : 2;
  });
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Seccomp, SaysWhatIsMissingToInstall) {
  const int status = status_of_child([] {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) < 0) return 1;
    const Result<UniqueFd> listener = install_seccomp_filter(filter_getppid(SECCOMP_RET_ALLOW), 0);
    if (listener) return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 2;
    return listener.error().code() == Code::PermissionDenied &&
                   listener.error().message().find("no_new_privs") != std::string::npos
               ? 0
               : 3;
  });
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Seccomp, RefusesWhatTheKernelWouldNotTake) {
  EXPECT_FALSE(install_seccomp_filter({}, 0));
  const std::vector<sock_filter> too_long(BPF_MAXINSNS + 1, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const Result<UniqueFd> listener = install_seccomp_filter(too_long, 0);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().message(),
            "install seccomp filter: 4097 instructions, the kernel takes 1 to 4096");
}

TEST(Seccomp, KnowsWhatTheKernelHas) {
  EXPECT_TRUE(has_seccomp_action(SECCOMP_RET_ERRNO));
  EXPECT_TRUE(has_seccomp_action(SECCOMP_RET_KILL_PROCESS));
  EXPECT_FALSE(has_seccomp_action(0x12340000));
  EXPECT_TRUE(has_seccomp_flag(SECCOMP_FILTER_FLAG_LOG));
  EXPECT_TRUE(has_seccomp_flag(SECCOMP_FILTER_FLAG_SPEC_ALLOW));
  EXPECT_FALSE(has_seccomp_flag(1u << 30));
  // Asking installs nothing.
  EXPECT_EQ(::prctl(PR_GET_SECCOMP, 0, 0, 0, 0), SECCOMP_MODE_DISABLED);
}

}  // namespace
}  // namespace gantry::kernel
