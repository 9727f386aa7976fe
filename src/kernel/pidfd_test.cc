// SPDX-License-Identifier: Apache-2.0
#include "kernel/pidfd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "base/process.h"
#include "testing/child.h"
#include "testing/must.h"

namespace gantry::kernel {
namespace {

using namespace std::chrono_literals;

// A child that waits to be killed, under a name of its own.
class Sleeper {
 public:
  explicit Sleeper(const char* name = "sleeper") {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    UniqueFd read_end(fds[0]), write_end(fds[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_NAME, name);
      (void)!::write(write_end.get(), "", 1);
      for (;;) ::pause();
    }
    char byte;
    EXPECT_EQ(::read(read_end.get(), &byte, 1), 1);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    if (!is_reaped_) kill_and_reap();
  }
  pid_t pid() const { return pid_; }
  void kill() const {
    ::kill(pid_, SIGKILL);
    siginfo_t info;
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT), 0);
  }
  int kill_and_reap() {
    kill();
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    is_reaped_ = true;
    return status;
  }

 private:
  pid_t pid_;
  bool is_reaped_ = false;
};

TEST(ProcessStat, says_how_a_process_is_and_since_when) {
  const auto own = read_process_stat(::getpid());
  ASSERT_TRUE(own);
  EXPECT_EQ(own->state, 'R');
  EXPECT_GT(own->start_time, 0U);
  Sleeper sleeper;
  const auto other = read_process_stat(sleeper.pid());
  ASSERT_TRUE(other);
  EXPECT_GE(other->start_time, own->start_time);
  sleeper.kill();
  const auto dead = read_process_stat(sleeper.pid());
  ASSERT_TRUE(dead);
  EXPECT_EQ(dead->state, 'Z');
  EXPECT_EQ(dead->start_time, other->start_time);
  sleeper.kill_and_reap();
  EXPECT_FALSE(read_process_stat(sleeper.pid()));
}

TEST(ProcessStat, is_not_fooled_by_a_name) {
  for (const char* name : {") Z 1 1 1 1 1", "a) R 0 0", "((((", "", " ", "x\n) Z 2 3"}) {
    Sleeper sleeper(name);
    const auto stat = read_process_stat(sleeper.pid());
    ASSERT_TRUE(stat) << name;
    EXPECT_TRUE(stat->state == 'S' || stat->state == 'R') << name << ": " << stat->state;
    EXPECT_GE(stat->start_time, read_process_stat(::getpid())->start_time) << name;
  }
}

TEST(ProcessStat, there_is_none_of_no_process) {
  for (const pid_t pid : {0, -1, 0x7fff'ffff}) EXPECT_FALSE(read_process_stat(pid)) << pid;
}

TEST(Pidfd, of_a_process_that_is_gone_is_not_found) {
  Sleeper sleeper;
  const std::uint64_t start = read_process_stat(sleeper.pid())->start_time;
  MUST(open_pidfd(sleeper.pid(), start));
  sleeper.kill_and_reap();
  const auto opened = open_pidfd(sleeper.pid());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::NotFound);
  EXPECT_EQ(opened.error().message(), fmt::format("open process {}: No such process (ESRCH)", sleeper.pid()));
  EXPECT_FALSE(open_pidfd(sleeper.pid(), start));
}

TEST(Pidfd, of_another_process_with_the_same_pid_is_not_found) {
  Sleeper sleeper;
  const std::uint64_t start = read_process_stat(sleeper.pid())->start_time;
  for (const std::uint64_t other : {start + 1, start - 1, std::uint64_t{0}}) {
    const auto opened = open_pidfd(sleeper.pid(), other);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Code::NotFound);
  }
}

TEST(Pidfd, carries_signals_and_the_end) {
  Sleeper sleeper;
  UniqueFd fd = MUST(open_pidfd(sleeper.pid()));
  EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  MUST(send_signal(fd.get(), 0));
  EXPECT_FALSE(wait_for_end(fd.get(), 0ms));
  EXPECT_FALSE(wait_for_end(fd.get(), 5ms));
  MUST(send_signal(fd.get(), SIGKILL));
  EXPECT_TRUE(wait_for_end(fd.get(), 1min));
  EXPECT_EQ(WTERMSIG(sleeper.kill_and_reap()), SIGKILL);
  const auto sent = send_signal(fd.get(), SIGTERM);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), Code::NotFound);
  EXPECT_TRUE(wait_for_end(fd.get(), 0ms));
}

TEST(Pidfd, a_signal_that_is_none_is_refused) {
  UniqueFd self = MUST(open_pidfd(::getpid()));
  const auto sent = send_signal(self.get(), 1000);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().message(), "send signal 1000: Invalid argument (EINVAL)");
}

}  // namespace
}  // namespace gantry::kernel
