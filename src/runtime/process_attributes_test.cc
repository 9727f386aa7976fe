// SPDX-License-Identifier: Apache-2.0
//
// Each is set in a child and then asked of the kernel.
#include "runtime/process_attributes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "kernel/capabilities.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::runtime {
namespace {

using testing::in_child;

std::string failure_of(const Result<void>& result) { return result ? "none" : result.error().message(); }

// ---- limits

TEST(Rlimits, are_set) {
  in_child([] {
    const Log log;
    MUST(set_rlimits(
        {{.type = "RLIMIT_NOFILE", .soft = 100, .hard = 200}, {.type = "RLIMIT_CORE", .soft = 0, .hard = 0}},
        log));
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(limit.rlim_cur, 100U);
    EXPECT_EQ(limit.rlim_max, 200U);
    ASSERT_EQ(::getrlimit(RLIMIT_CORE, &limit), 0);
    EXPECT_EQ(limit.rlim_max, 0U);
  });
}

TEST(Rlimits, every_name_of_the_specification_is_known) {
  for (const char* type :
       {"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS",
        "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS",
        "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK"}) {
    const auto set = set_rlimits({{.type = type, .soft = 2, .hard = 1}}, Log());
    EXPECT_EQ(failure_of(set), fmt::format("process.rlimits[0]: set {}: Invalid argument (EINVAL)", type));
  }
  EXPECT_EQ(failure_of(set_rlimits({{.type = "RLIMIT_LOVE"}}, Log())),
            "process.rlimits[0]: unknown word 'RLIMIT_LOVE'");
}

TEST(Rlimits, that_need_a_right_that_is_missing_are_cut_with_a_warning) {
  testing::TempDir dir;
  const std::string path = dir / "log";
  in_child([&] {
    const Log log = MUST(Log::open(path, LogFormat::Text, false));
    const rlimit low{.rlim_cur = 50, .rlim_max = 60};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    MUST(kernel::set_capabilities({}));
    MUST(set_rlimits({{.type = "RLIMIT_NOFILE", .soft = 55, .hard = 1000}}, log));
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(limit.rlim_cur, 55U);
    EXPECT_EQ(limit.rlim_max, 60U);
    MUST(set_rlimits({{.type = "RLIMIT_NOFILE", .soft = 500, .hard = 1000}}, log));
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(limit.rlim_cur, 60U);
  });
  EXPECT_NE(MUST(read_file(path)).find("RLIMIT_NOFILE is 55:60 instead of 55:1000"), std::string::npos);
}

// ---- CPU lists

cpu_set_t own_cpus() {
  cpu_set_t cpus;
  EXPECT_EQ(::sched_getaffinity(0, sizeof cpus, &cpus), 0);
  return cpus;
}

TEST(CpuAffinity, is_set_by_a_list) {
  const cpu_set_t all = own_cpus();
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  for (const std::string& list :
       {fmt::format("{}", first), fmt::format("{0}-{0}", first), fmt::format(" {} ", first),
        fmt::format("{0},{0}", first), fmt::format("{},4095", first)}) {
    in_child([&] {
      MUST(set_cpu_affinity(list, "field"));
      const cpu_set_t now = own_cpus();
      EXPECT_EQ(CPU_COUNT(&now), 1) << list;
      EXPECT_TRUE(CPU_ISSET(first, &now)) << list;
    });
  }
}

TEST(CpuAffinity, a_list_that_is_none_is_refused_by_the_name_of_its_field) {
  for (const char* list : {"x", "1-", "-1", "0--1", "1,,2", ",", "65536", "0-65536", "99999999999999999999",
                           "0x1", "3-1", "1;2", "0-1-2", "+1"}) {
    in_child([&] {
      const auto set = set_cpu_affinity(list, "process.execCPUAffinity.initial");
      EXPECT_TRUE(failure_of(set).starts_with("process.execCPUAffinity.initial: '"))
          << list << ": " << failure_of(set);
    });
  }
}

TEST(CpuAffinity, cpus_that_are_not_there_are_refused_by_the_kernel) {
  in_child([] {
    EXPECT_EQ(failure_of(set_cpu_affinity("4000-4095", "field")),
              "field: run on CPUs '4000-4095': Invalid argument (EINVAL)");
  });
}

// ---- the rest

TEST(Scheduler, is_set) {
  in_child([] {
    MUST(set_scheduler({.policy = "SCHED_BATCH", .nice = 5, .flags = {"SCHED_FLAG_RESET_ON_FORK"}}));
    EXPECT_EQ(::sched_getscheduler(0), SCHED_BATCH | SCHED_RESET_ON_FORK);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), 5);
  });
}

TEST(Scheduler, unknown_words_and_impossible_values_are_refused) {
  EXPECT_EQ(failure_of(set_scheduler({.policy = "SCHED_BEST"})),
            "process.scheduler.policy: unknown word 'SCHED_BEST'");
  EXPECT_EQ(failure_of(set_scheduler({.policy = "SCHED_OTHER", .flags = {"FAST"}})),
            "process.scheduler.flags: unknown word 'FAST'");
  in_child([] {
    const auto set = set_scheduler({.policy = "SCHED_FIFO", .priority = 1000});
    EXPECT_TRUE(failure_of(set).starts_with("process.scheduler: set SCHED_FIFO: ")) << failure_of(set);
  });
}

TEST(IoPriority, is_set) {
  in_child([] {
    MUST(set_io_priority({.io_class = "IOPRIO_CLASS_BE", .priority = 6}));
    EXPECT_EQ(::syscall(SYS_ioprio_get, 1, 0), 2 << 13 | 6);
    MUST(set_io_priority({.io_class = "IOPRIO_CLASS_IDLE"}));
    EXPECT_EQ(::syscall(SYS_ioprio_get, 1, 0), 3 << 13);
  });
  EXPECT_EQ(failure_of(set_io_priority({.io_class = "fast"})),
            "process.ioPriority.class: unknown word 'fast'");
}

TEST(Personality, is_set) {
  in_child([] {
    MUST(set_personality({.domain = "LINUX32"}));
    EXPECT_EQ(::personality(0xffff'ffff) & PER_MASK, PER_LINUX32);
    MUST(set_personality({.domain = "LINUX"}));
    EXPECT_EQ(::personality(0xffff'ffff) & PER_MASK, PER_LINUX);
  });
}

TEST(MemoryPolicy, is_set_or_refused_by_its_field) {
  EXPECT_EQ(failure_of(set_memory_policy({.mode = "MPOL_BEST"})),
            "linux.memoryPolicy.mode: unknown word 'MPOL_BEST'");
  EXPECT_EQ(failure_of(set_memory_policy({.mode = "MPOL_BIND", .flags = {"x"}})),
            "linux.memoryPolicy.flags: unknown word 'x'");
  EXPECT_TRUE(failure_of(set_memory_policy({.mode = "MPOL_BIND", .nodes = "1-"}))
                  .starts_with("linux.memoryPolicy.nodes: "));
  in_child([] {
    const auto set = set_memory_policy({.mode = "MPOL_BIND", .nodes = "0"});
    if (!set && set.error().errno_value() == ENOSYS) return;  // a kernel without NUMA
    ASSERT_TRUE(set) << failure_of(set);
    int mode = -1;
    ASSERT_EQ(::syscall(SYS_get_mempolicy, &mode, nullptr, 0, nullptr, 0), 0);
    EXPECT_EQ(mode, 2);
    EXPECT_EQ(failure_of(set_memory_policy({.mode = "MPOL_BIND"})),
              "linux.memoryPolicy: set MPOL_BIND on nodes '': Invalid argument (EINVAL)");
  });
}

TEST(OomScore, is_set) {
  in_child([] {
    MUST(set_oom_score_adj(::getpid(), 321, Log()));
    EXPECT_EQ(MUST(read_file("/proc/self/oom_score_adj")), "321\n");
    const auto set = set_oom_score_adj(::getpid(), 1001, Log());
    EXPECT_TRUE(failure_of(set).starts_with("process.oomScoreAdj: ")) << failure_of(set);
  });
}

TEST(OomScore, below_what_one_may_stays_with_a_warning) {
  testing::TempDir dir;
  const std::string path = dir / "log";
  in_child([&] {
    const Log log = MUST(Log::open(path, LogFormat::Text, false));
    MUST(kernel::set_capabilities({}));
    MUST(set_oom_score_adj(::getpid(), -1000, log));
  });
  EXPECT_NE(MUST(read_file(path)).find("-1000 needs CAP_SYS_RESOURCE"), std::string::npos);
}

TEST(OomScore, of_a_process_that_is_gone_is_an_error) {
  EXPECT_TRUE(failure_of(set_oom_score_adj(0x7fff'ffff, 0, Log())).starts_with("process.oomScoreAdj: "));
}

}  // namespace
}  // namespace gantry::runtime
