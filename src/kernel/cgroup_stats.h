// SPDX-License-Identifier: Apache-2.0
//
// What a container has used, read from its control group; v1 and v2 files are
// brought to the same units. A controller that is not there leaves its part
// at zero, so that the rest can still be told.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kernel/cgroup.h"

namespace gantry::kernel {

inline constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// Pressure stall information: shares of time in percent, and microseconds altogether (accounting/psi.rst).
struct Pressure {
  struct Line {
    double average_10s = 0;
    double average_60s = 0;
    double average_300s = 0;
    std::uint64_t total = 0;
  };
  Line some;
  Line full;
};

struct CpuStats {
  std::uint64_t total = 0;  // nanoseconds, as all times here
  std::uint64_t user = 0;
  std::uint64_t kernel = 0;
  std::vector<std::uint64_t> per_cpu;  // v1 only, as the next two
  std::vector<std::uint64_t> per_cpu_user;
  std::vector<std::uint64_t> per_cpu_kernel;
  std::uint64_t periods = 0;
  std::uint64_t throttled_periods = 0;
  std::uint64_t throttled_time = 0;
  std::optional<Pressure> pressure;
};

struct CpusetStats {  // v1 only
  std::vector<std::uint16_t> cpus;
  std::vector<std::uint16_t> mems;
  std::uint64_t cpu_exclusive = 0;
  std::uint64_t mem_hardwall = 0;
  std::uint64_t mem_exclusive = 0;
  std::uint64_t memory_migrate = 0;
  std::uint64_t memory_spread_page = 0;
  std::uint64_t memory_spread_slab = 0;
  std::uint64_t memory_pressure = 0;
  std::uint64_t sched_load_balance = 0;
  std::int64_t sched_relax_domain_level = 0;
};

struct MemoryUse {  // bytes
  std::uint64_t usage = 0;
  std::uint64_t max_usage = 0;
  std::uint64_t limit = 0;  // kNoLimit: none (v1 has a huge number instead)
  std::uint64_t fail_count = 0;
};

struct MemoryStats {
  MemoryUse memory;
  MemoryUse swap;    // memory and swap together, also on v2
  MemoryUse kernel;  // v1 only, as the next
  MemoryUse kernel_tcp;
  std::uint64_t cache = 0;
  std::map<std::string, std::uint64_t> raw;  // memory.stat
  std::optional<Pressure> pressure;
};

struct PidsStats {
  std::uint64_t current = 0;
  std::uint64_t limit = 0;  // 0: none
};

struct BlockIoEntry {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::string operation;  // "Read", "Write", ...; empty where there is but one value
  std::uint64_t value = 0;
};

struct BlockIoStats {
  std::vector<BlockIoEntry> service_bytes;
  std::vector<BlockIoEntry> serviced;
  std::vector<BlockIoEntry> queued;  // this and the rest only with some I/O schedulers of v1
  std::vector<BlockIoEntry> service_time;
  std::vector<BlockIoEntry> wait_time;
  std::vector<BlockIoEntry> merged;
  std::vector<BlockIoEntry> time;
  std::vector<BlockIoEntry> sectors;
  std::optional<Pressure> pressure;
};

struct HugetlbStats {  // bytes
  std::uint64_t usage = 0;
  std::uint64_t max_usage = 0;
  std::uint64_t fail_count = 0;
};

struct CgroupStats {
  CpuStats cpu;
  CpusetStats cpuset;
  MemoryStats memory;
  PidsStats pids;
  BlockIoStats block_io;
  std::map<std::string, HugetlbStats> hugetlb;  // by page size: "2MB"
};

// What accounting asks for again and again: a tenth of the files.
struct CgroupTotals {
  std::uint64_t cpu = 0;     // nanoseconds
  std::uint64_t memory = 0;  // bytes, as all that follow
  std::uint64_t memory_peak = 0;
  std::uint64_t io_read = 0;
  std::uint64_t io_written = 0;
};
Result<CgroupTotals> read_totals(Cgroup& cgroup);

// An error only if a file that is there cannot be read. `page_sizes` is where the kernel lists its huge
// pages.
Result<CgroupStats> read_stats(Cgroup& cgroup, const std::string& page_sizes = "/sys/kernel/mm/hugepages");

}  // namespace gantry::kernel
