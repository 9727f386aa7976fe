// SPDX-License-Identifier: Apache-2.0
#include "kernel/oom_watch.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/file.h"
#include "kernel/cgroup.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

// ---- a directory that only looks like a v2 group

class FakeV2 : public ::testing::Test {
 protected:
  FakeV2() {
    MUST(make_directories(dir_ / "cg", 0755));
    put("cgroup.controllers", "cpu memory\n");
    put_count("0");
  }
  void put(const std::string& file, std::string_view text) {
    UniqueFd fd = MUST(open_at(dir_.fd(), "cg/" + file, O_WRONLY | O_CREAT | O_TRUNC,
                               0644));  // the same file, as the kernel's
    MUST(write_all(fd.get(), text, file));
  }
  void put_count(const std::string& kills) {
    put("memory.events", "low 0\nhigh 0\nmax 9\noom 7\noom_kill " + kills + "\noom_group_kill 5\n");
  }
  Cgroup open() { return MUST(Cgroup::open({{.key = "", .path = dir_ / "cg"}})); }
  testing::TempDir dir_;
};

TEST_F(FakeV2, tells_how_many_were_killed_since_it_was_asked) {
  put_count("3");
  Cgroup cgroup = open();
  OomWatch watch = MUST(OomWatch::of(cgroup));
  EXPECT_EQ(watch.poll_events(), POLLPRI);
  EXPECT_EQ(watch.take(), 0U) << "what was before does not count";
  put_count("5");
  EXPECT_EQ(watch.take(), 2U);
  EXPECT_EQ(watch.take(), 0U);
}

TEST_F(FakeV2, what_it_cannot_read_is_no_kill) {
  put_count("3");
  Cgroup cgroup = open();
  OomWatch watch = MUST(OomWatch::of(cgroup));
  for (const char* text : {"", "low 0\n", "oom_killer 9\n"}) {
    put("memory.events", text);
    EXPECT_EQ(watch.take(), 0U) << text;
  }
}

TEST_F(FakeV2, without_a_memory_controller_there_is_nothing_to_watch) {
  put("cgroup.controllers", "cpu\n");
  Cgroup cgroup = open();
  const auto watch = OomWatch::of(cgroup);
  ASSERT_FALSE(watch);
  EXPECT_EQ(watch.error().code(), Code::NotFound);
}

// ---- the kernel

TEST(OomWatch, wakes_when_the_kernel_kills) {
  const std::string top = "/sys/fs/cgroup/memory";
  if (::access((top + "/memory.limit_in_bytes").c_str(), W_OK) < 0)
    GTEST_SKIP() << "no v1 memory controller to write to";
  const std::string path = fmt::format("{}/gantry-oom-test-{}", top, ::getpid());
  Cgroup cgroup =
      MUST(Cgroup::create({.places = {{.key = "memory", .path = path, .mount_size = top.size()}}}));
  MUST(cgroup.write(Controller::Memory, "memory.limit_in_bytes", "4194304"));
  OomWatch watch = MUST(OomWatch::of(cgroup));
  pollfd poll_fd{.fd = watch.fd(), .events = watch.poll_events()};
  EXPECT_EQ(::poll(&poll_fd, 1, 0), 0);
  MUST(cgroup.prepare_join());
  const int status = testing::status_of_child([&] {
    if (!cgroup.join_self()) ::_exit(1);
    constexpr std::size_t kTooMuch = 64 << 20;
    void* memory = ::mmap(nullptr, kTooMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(memory, 1, kTooMuch);
    ::_exit(2);
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  EXPECT_EQ(::poll(&poll_fd, 1, 10'000), 1);
  EXPECT_GE(watch.take(), 1U);
  EXPECT_EQ(watch.take(), 0U);
}

}  // namespace
}  // namespace gantry::kernel
