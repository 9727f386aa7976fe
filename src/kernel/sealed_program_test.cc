// SPDX-License-Identifier: Apache-2.0
//
// This test program is the program that runs itself again: a test that is
// disabled for everybody else is what it then runs.
#include "kernel/sealed_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "kernel/sealing.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

// Stands for a program that is inside of a container. Descriptor 0 ends when it may go.
TEST(SealedProgramInside, DISABLED_cannot_be_changed) {
  char name[] = "never run";
  char* arguments[] = {name, nullptr};
  MUST(run_from_sealed_place(arguments));  // does not go round and round
  const int opened = ::open("/proc/self/exe", O_WRONLY | O_CLOEXEC);
  EXPECT_EQ(opened, -1);
  EXPECT_TRUE(errno == ETXTBSY || errno == EACCES || errno == EROFS) << errno;
  EXPECT_EQ(::truncate("/proc/self/exe", 0), -1);
  EXPECT_EQ(::write(3, HasFailure() ? "n" : "y", 1), 1);
  char byte;
  (void)!::read(0, &byte, 1);
}

// Runs this program again in one of the ways, and attacks its file from outside.
void expect_that_nobody_can_change_it(SealingFailure (*run_again)(char* const*, char* const*)) {
  int gate[2], answer[2];
  ASSERT_EQ(::pipe2(gate, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(answer, O_CLOEXEC), 0);
  UniqueFd gate_read(gate[0]), gate_write(gate[1]), answer_read(answer[0]), answer_write(answer[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    // Above all descriptors in the way, then to their places.
    const int in = ::fcntl(gate[0], F_DUPFD_CLOEXEC, 20), out = ::fcntl(answer[1], F_DUPFD_CLOEXEC, 20);
    ::dup2(in, 0);
    ::dup2(out, 3);
    char program[] = "sealed", filter[] = "--gtest_filter=SealedProgramInside.*",
         all[] = "--gtest_also_run_disabled_tests";
    char* arguments[] = {program, filter, all, nullptr};
    (void)run_again(arguments, environ);
    ::_exit(100);
  }
  answer_write.reset();
  gate_read.reset();
  char verdict = '?';
  EXPECT_EQ(::read(answer_read.get(), &verdict, 1), 1);
  EXPECT_EQ(verdict, 'y');
  // As CVE-2019-5736 did: hold on to the program, wait until it has ended, then write.
  UniqueFd held(::open(("/proc/" + std::to_string(child) + "/exe").c_str(), O_PATH | O_CLOEXEC));
  EXPECT_TRUE(held);
  gate_write.reset();
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  if (!held) return;
  struct stat own{}, copy{};
  ASSERT_EQ(::stat("/proc/self/exe", &own), 0);
  ASSERT_EQ(::fstat(held.get(), &copy), 0);
  EXPECT_FALSE(own.st_dev == copy.st_dev && own.st_ino == copy.st_ino) << "it is this very file";
  EXPECT_EQ(own.st_size, copy.st_size);
  UniqueFd writer(::open(("/proc/self/fd/" + std::to_string(held.get())).c_str(), O_RDWR | O_CLOEXEC));
  if (!writer) return;  // not even opened
  EXPECT_EQ(::write(writer.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(writer.get(), 0), -1);
  EXPECT_EQ(::ftruncate(writer.get(), copy.st_size + 1), -1);
  EXPECT_EQ(::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, writer.get(), 0), MAP_FAILED);
  EXPECT_EQ(::fcntl(writer.get(), F_ADD_SEALS, 0), -1);
}

TEST(SealedProgram, runs_again_from_memory_that_nobody_can_change_even_when_it_has_ended) {
  expect_that_nobody_can_change_it(run_from_memory);
}

TEST(SealedProgram, runs_again_from_an_overlay_that_nobody_can_change_even_when_it_has_ended) {
  NEEDS_ROOT();
  expect_that_nobody_can_change_it(run_from_overlay);
}

TEST(SealedProgram, says_that_it_cannot_find_itself) {
  NEEDS_ROOT();
  testing::TempDir empty;
  testing::in_child([&] {
    ASSERT_EQ(::chroot(empty.path().c_str()), 0);
    char name[] = "program";
    char* arguments[] = {name, nullptr};
    const auto run = run_from_sealed_place(arguments);
    ASSERT_FALSE(run);
    EXPECT_EQ(run.error().message(), "open this program: No such file or directory (ENOENT)");
  });
}

}  // namespace
}  // namespace gantry::kernel
