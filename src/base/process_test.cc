// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry {
namespace {

using namespace std::chrono_literals;

Command shell(const std::string& script) { return {.program = "/bin/sh", .arguments = {"sh", "-c", script}}; }

WaitStatus end_of(const Command& command) {
  ChildProcess child = MUST(spawn(command));
  return MUST(child.wait());
}

struct Pipe {
  UniqueFd read_end, write_end;
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
};

// What a command prints.
std::string output_of(Command command) {
  Pipe pipe;
  command.out = pipe.write_end.get();
  ChildProcess child = MUST(spawn(command));
  pipe.write_end.reset();
  std::string output = MUST(read_all(pipe.read_end.get(), "output"));
  EXPECT_TRUE(MUST(child.wait()).is_success());
  return output;
}

std::string failure_of(const Command& command) {
  const auto child = spawn(command);
  return child ? "none" : child.error().message();
}

bool has_children() {
  siginfo_t info;
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

TEST(Spawn, tells_how_the_program_ended) {
  EXPECT_TRUE(end_of(shell("exit 0")).is_success());
  const WaitStatus failed = end_of(shell("exit 3"));
  EXPECT_EQ(failed.exit_code(), 3);
  EXPECT_EQ(failed.signal(), 0);
  EXPECT_EQ(failed.as_shell_status(), 3);
  EXPECT_EQ(failed.describe(), "exit status 3");
  const WaitStatus killed = end_of(shell("kill -9 $$"));
  EXPECT_FALSE(killed.is_success());
  EXPECT_EQ(killed.signal(), 9);
  EXPECT_EQ(killed.as_shell_status(), 137);
  EXPECT_EQ(killed.describe(), "signal 9");
}

TEST(Spawn, passes_arguments_and_the_callers_environment) {
  ::setenv("GANTRY_TEST", "mine", 1);
  EXPECT_EQ(
      output_of({.program = "/bin/sh", .arguments = {"x", "-c", "echo \"$0 $1 $GANTRY_TEST\"", "a b", "c"}}),
      "a b c mine\n");
  ::unsetenv("GANTRY_TEST");
}

TEST(Spawn, passes_an_environment_instead_of_the_callers_even_an_empty_one) {
  EXPECT_EQ(output_of({.program = "/usr/bin/env", .arguments = {"env"}, .environment = {{"A=1", "B=2"}}}),
            "A=1\nB=2\n");
  EXPECT_EQ(output_of({.program = "/usr/bin/env", .arguments = {"env"}, .environment = {{}}}), "");
}

TEST(Spawn, looks_for_a_name_in_the_path) {
  EXPECT_EQ(output_of({.program = "echo", .arguments = {"echo", "found"}}), "found\n");
  EXPECT_EQ(failure_of({.program = "no-such-program", .arguments = {"x"}}),
            "run 'no-such-program': No such file or directory (ENOENT)");
}

TEST(Spawn, goes_on_in_the_path_behind_what_is_not_executable) {
  const testing::TempDir first, second;
  MUST(replace_file_at(first.fd(), "tool", "not a program", 0644));
  const std::string before = ::getenv("PATH");
  ::setenv("PATH", (first.path() + ":" + second.path()).c_str(), 1);
  EXPECT_EQ(failure_of({.program = "tool", .arguments = {"tool"}}), "run 'tool': Permission denied (EACCES)");
  MUST(replace_file_at(second.fd(), "tool", "#!/bin/sh\necho second\n", 0755));
  EXPECT_EQ(output_of({.program = "tool", .arguments = {"tool"}}), "second\n");
  ::setenv("PATH", before.c_str(), 1);
}

TEST(Spawn, says_why_a_program_cannot_run_and_leaves_no_process) {
  EXPECT_EQ(failure_of({.program = "/no/such/program", .arguments = {"x"}}),
            "run '/no/such/program': No such file or directory (ENOENT)");
  const testing::TempDir dir;
  MUST(replace_file_at(dir.fd(), "text", "echo not for a shell\n", 0755));
  EXPECT_NE(failure_of({.program = dir / "text", .arguments = {"x"}}).find("(ENOEXEC)"), std::string::npos);
  EXPECT_FALSE(has_children());
}

TEST(Spawn, connects_streams_also_crosswise) {
  const testing::TempDir dir;
  MUST(replace_file_at(dir.fd(), "in", "input\n", 0644));
  const UniqueFd in = MUST(open_at(dir.fd(), "in", O_RDONLY));
  const UniqueFd err = MUST(open_at(dir.fd(), "err", O_WRONLY | O_CREAT, 0644));
  Command command = shell("cat; echo complaint >&2");
  command.in = in.get();
  command.err = err.get();
  EXPECT_EQ(output_of(command), "input\n");
  EXPECT_EQ(MUST(read_file_at(dir.fd(), "err")), "complaint\n");

  // What is 2 here becomes 1 there and the other way round.
  const UniqueFd out_before(::fcntl(1, F_DUPFD_CLOEXEC, 3)), err_before(::fcntl(2, F_DUPFD_CLOEXEC, 3));
  const UniqueFd one = MUST(open_at(dir.fd(), "one", O_WRONLY | O_CREAT, 0644));
  const UniqueFd two = MUST(open_at(dir.fd(), "two", O_WRONLY | O_CREAT, 0644));
  ::dup2(one.get(), 1);
  ::dup2(two.get(), 2);
  Command crossed = shell("echo out; echo err >&2");
  crossed.out = 2;
  crossed.err = 1;
  const bool is_done = end_of(crossed).is_success();
  ::dup2(out_before.get(), 1);
  ::dup2(err_before.get(), 2);
  EXPECT_TRUE(is_done);
  EXPECT_EQ(MUST(read_file_at(dir.fd(), "one")), "err\n");
  EXPECT_EQ(MUST(read_file_at(dir.fd(), "two")), "out\n");
}

TEST(Spawn, gives_dev_null_where_it_is_asked_to) {
  Command command = shell("cat; readlink /proc/self/fd/0 /proc/self/fd/2");
  command.in = kDevNull;
  command.err = kDevNull;
  EXPECT_EQ(output_of(command), "/dev/null\n/dev/null\n");
}

TEST(Spawn, passes_the_descriptors_it_is_told_to_and_no_others) {
  const UniqueFd wanted = MUST(open_at(AT_FDCWD, "/dev/zero", O_RDONLY));
  const UniqueFd careless(::open("/dev/full", O_RDONLY));  // NOLINT(android-cloexec-open): that is the point
  Command command = shell("cd /proc/self/fd; for fd in *; do readlink $fd; done; true");
  command.passed_fds = {wanted.get()};
  const std::string found = output_of(command);
  EXPECT_NE(found.find("/dev/zero"), std::string::npos) << found;
  EXPECT_EQ(found.find("/dev/full"), std::string::npos) << found;
  EXPECT_NE(::fcntl(wanted.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(::fcntl(careless.get(), F_GETFD) & FD_CLOEXEC, 0);
  command.passed_fds = {12345};
  EXPECT_EQ(failure_of(command), "run '/bin/sh': Bad file descriptor (EBADF)");
}

TEST(Spawn, leaks_no_descriptor) {
  const auto before = MUST(names_in(AT_FDCWD, "/proc/self/fd")).size();
  (void)output_of(shell("exit 0"));
  (void)failure_of({.program = "/no/such/program", .arguments = {"x"}});
  EXPECT_EQ(MUST(names_in(AT_FDCWD, "/proc/self/fd")).size(), before);
}

TEST(Spawn, leaves_no_signal_blocked_or_ignored_and_the_callers_alone) {
  sigset_t some, before, after;
  sigemptyset(&some);
  for (const int signal : {SIGTERM, SIGCHLD, SIGUSR1, SIGRTMIN}) sigaddset(&some, signal);
  ::pthread_sigmask(SIG_BLOCK, &some, &before);
  const auto ignored = ::signal(SIGPIPE, SIG_IGN);
  const std::string found =
      output_of({.program = "/bin/grep", .arguments = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}});
  EXPECT_EQ(::signal(SIGPIPE, ignored), SIG_IGN);
  ::pthread_sigmask(SIG_SETMASK, &before, &after);
  EXPECT_EQ(found, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  for (const int signal : {SIGTERM, SIGCHLD, SIGUSR1, SIGRTMIN}) EXPECT_TRUE(sigismember(&after, signal));
  EXPECT_FALSE(sigismember(&after, SIGINT));
}

TEST(Spawn, works_from_many_threads) {
  std::vector<std::thread> threads;
  std::vector<std::string> said(8);
  for (std::size_t i = 0; i < said.size(); ++i)
    threads.emplace_back([&, i] {
      for (int n = 0; n < 10; ++n) said[i] += output_of(shell("echo " + std::to_string(i)));
    });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < said.size(); ++i) EXPECT_EQ(said[i].substr(0, 2), std::to_string(i) + "\n");
}

TEST(Spawn, lets_a_child_die_with_its_caller) {
  Pipe pipe;  // its writers are the caller below and the child
  Command command = shell("echo up; exec sleep 600");
  command.out = pipe.write_end.get();
  command.dies_with_caller = true;
  const auto caller = static_cast<pid_t>(::fork());
  if (caller == 0) {
    if (auto child = spawn(command)) (void)child->release();
    ::pause();
  }
  pipe.write_end.reset();
  char up[3];
  ASSERT_EQ(::read(pipe.read_end.get(), up, sizeof up), 3);
  {
    const ChildProcess killed(caller);
  }
  EXPECT_EQ(MUST(read_all(pipe.read_end.get(), "the end of both")), "");
}

TEST(ChildProcess, is_killed_and_reaped_when_nobody_wants_it) {
  pid_t pid;
  {
    const ChildProcess child = MUST(spawn(shell("exec sleep 600")));
    pid = child.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_FALSE(has_children());
}

TEST(ChildProcess, is_left_alone_once_released) {
  pid_t pid;
  {
    ChildProcess child = MUST(spawn(shell("exit 7")));
    ChildProcess other = std::move(child);
    pid = other.release();
  }
  EXPECT_EQ(MUST(ChildProcess(pid).wait()).exit_code(), 7);
}

TEST(ChildProcess, is_ended_by_another_that_takes_its_place) {
  ChildProcess child = MUST(spawn(shell("exec sleep 600")));
  child = MUST(spawn(shell("exit 8")));
  EXPECT_EQ(MUST(child.wait()).exit_code(), 8);
  EXPECT_FALSE(has_children());
}

TEST(ChildProcess, may_be_asked_whether_it_has_ended) {
  Pipe pipe;
  Command command = shell("read x; exit 9");
  command.in = pipe.read_end.get();
  ChildProcess child = MUST(spawn(command));
  EXPECT_FALSE(MUST(child.try_wait()));
  pipe.write_end.reset();
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(MUST(child.try_wait()).value().exit_code(), 9);
}

TEST(ChildProcess, is_not_waited_for_twice) {
  ChildProcess other = MUST(spawn(shell("exit 1")));  // may not be taken for it
  ChildProcess child = MUST(spawn(shell("exit 0")));
  MUST(child.wait());
  EXPECT_FALSE(child.wait());
  EXPECT_FALSE(child.try_wait());
}

TEST(ChildProcess, is_waited_for_as_long_as_said) {
  ChildProcess slow = MUST(spawn(shell("exec sleep 600")));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(MUST(slow.wait_for(30ms)));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
  ChildProcess quick = MUST(spawn(shell("exit 4")));
  EXPECT_EQ(MUST(quick.wait_for(10min)).value().exit_code(), 4);
}

// A signal handler without SA_RESTART, which ends every system call that waits.
class Interrupted : public ::testing::Test {
 protected:
  void SetUp() override {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ASSERT_EQ(::sigaction(SIGUSR1, &action, &before_), 0);
    interrupter_ = std::thread([this, waiter = ::pthread_self()] {
      while (!is_over_) {
        ::pthread_kill(waiter, SIGUSR1);
        std::this_thread::sleep_for(1ms);
      }
    });
  }
  void TearDown() override {
    is_over_ = true;
    interrupter_.join();
    ::sigaction(SIGUSR1, &before_, nullptr);
  }

 private:
  std::atomic<bool> is_over_ = false;
  struct sigaction before_{};
  std::thread interrupter_;
};

TEST_F(Interrupted, waiting_goes_on) {
  ChildProcess other = MUST(spawn(shell("exit 1")));  // must not be taken for the one that is waited for
  EXPECT_EQ(end_of(shell("sleep .05; exit 5")).exit_code(), 5);
  ChildProcess child = MUST(spawn(shell("sleep .05; exit 6")));
  EXPECT_EQ(MUST(child.wait_for(1min)).value().exit_code(), 6);
  EXPECT_EQ(MUST(other.wait()).exit_code(), 1);
}

}  // namespace
}  // namespace gantry
