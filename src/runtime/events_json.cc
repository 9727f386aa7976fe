// SPDX-License-Identifier: Apache-2.0
#include "runtime/events_json.h"

#include "base/json.h"

namespace gantry::runtime {
namespace {

using json::Writer;
using kernel::BlockIoEntry;
using kernel::MemoryUse;
using kernel::Pressure;

void write_unless_zero(Writer& w, std::string_view key, std::uint64_t value) {
  if (value != 0) w.key(key).value(value);
}

template <class T>
void write_unless_empty(Writer& w, std::string_view key, const std::vector<T>& values) {
  if (values.empty()) return;
  w.key(key).begin_array();
  for (const T value : values) w.value(value);
  w.end_array();
}

void write_pressure(Writer& w, const std::optional<Pressure>& pressure) {
  if (!pressure) return;
  const auto write_line = [&](std::string_view key, const Pressure::Line& line) {
    w.key(key).begin_object();
    w.key("avg10").value(line.average_10s);
    w.key("avg60").value(line.average_60s);
    w.key("avg300").value(line.average_300s);
    w.key("total").value(line.total);
    w.end_object();
  };
  w.key("psi").begin_object();
  write_line("some", pressure->some);
  write_line("full", pressure->full);
  w.end_object();
}

void write_cpu(Writer& w, const kernel::CpuStats& cpu) {
  w.key("cpu").begin_object();
  w.key("usage").begin_object();
  write_unless_zero(w, "total", cpu.total);
  write_unless_empty(w, "percpu", cpu.per_cpu);
  write_unless_empty(w, "percpu_kernel", cpu.per_cpu_kernel);
  write_unless_empty(w, "percpu_user", cpu.per_cpu_user);
  w.key("kernel").value(cpu.kernel);
  w.key("user").value(cpu.user);
  w.end_object();
  w.key("throttling").begin_object();
  write_unless_zero(w, "periods", cpu.periods);
  write_unless_zero(w, "throttledPeriods", cpu.throttled_periods);
  write_unless_zero(w, "throttledTime", cpu.throttled_time);
  w.end_object();
  write_pressure(w, cpu.pressure);
  w.end_object();
}

void write_cpuset(Writer& w, const kernel::CpusetStats& cpuset) {
  w.key("cpuset").begin_object();
  write_unless_empty(w, "cpus", cpuset.cpus);
  w.key("cpu_exclusive").value(cpuset.cpu_exclusive);
  write_unless_empty(w, "mems", cpuset.mems);
  w.key("mem_hardwall").value(cpuset.mem_hardwall);
  w.key("mem_exclusive").value(cpuset.mem_exclusive);
  w.key("memory_migrate").value(cpuset.memory_migrate);
  w.key("memory_spread_page").value(cpuset.memory_spread_page);
  w.key("memory_spread_slab").value(cpuset.memory_spread_slab);
  w.key("memory_pressure").value(cpuset.memory_pressure);
  w.key("sched_load_balance").value(cpuset.sched_load_balance);
  w.key("sched_relax_domain_level").value(cpuset.sched_relax_domain_level);
  w.end_object();
}

void write_memory(Writer& w, const kernel::MemoryStats& memory) {
  const auto write_use = [&](std::string_view key, const MemoryUse& use) {
    w.key(key).begin_object();
    w.key("limit").value(use.limit);
    write_unless_zero(w, "usage", use.usage);
    write_unless_zero(w, "max", use.max_usage);
    w.key("failcnt").value(use.fail_count);
    w.end_object();
  };
  w.key("memory").begin_object();
  write_unless_zero(w, "cache", memory.cache);
  write_use("usage", memory.memory);
  write_use("swap", memory.swap);
  write_use("kernel", memory.kernel);
  write_use("kernelTCP", memory.kernel_tcp);
  if (!memory.raw.empty()) {
    w.key("raw").begin_object();
    for (const auto& [key, value] : memory.raw) w.key(key).value(value);
    w.end_object();
  }
  write_pressure(w, memory.pressure);
  w.end_object();
}

void write_block_io(Writer& w, const kernel::BlockIoStats& io) {
  const auto write_entries = [&](std::string_view key, const std::vector<BlockIoEntry>& entries) {
    if (entries.empty()) return;
    w.key(key).begin_array();
    for (const BlockIoEntry& entry : entries) {
      w.begin_object();
      write_unless_zero(w, "major", entry.major);
      write_unless_zero(w, "minor", entry.minor);
      if (!entry.operation.empty()) w.key("op").value(entry.operation);
      write_unless_zero(w, "value", entry.value);
      w.end_object();
    }
    w.end_array();
  };
  w.key("blkio").begin_object();
  write_entries("ioServiceBytesRecursive", io.service_bytes);
  write_entries("ioServicedRecursive", io.serviced);
  write_entries("ioQueueRecursive", io.queued);
  write_entries("ioServiceTimeRecursive", io.service_time);
  write_entries("ioWaitTimeRecursive", io.wait_time);
  write_entries("ioMergedRecursive", io.merged);
  write_entries("ioTimeRecursive", io.time);
  write_entries("sectorsRecursive", io.sectors);
  write_pressure(w, io.pressure);
  w.end_object();
}

}  // namespace

std::string stats_event(std::string_view id, const kernel::CgroupStats& stats) {
  Writer w;
  w.begin_object().key("type").value("stats").key("id").value(id);
  w.key("data").begin_object();
  write_cpu(w, stats.cpu);
  write_cpuset(w, stats.cpuset);
  write_memory(w, stats.memory);
  w.key("pids").begin_object();
  write_unless_zero(w, "current", stats.pids.current);
  write_unless_zero(w, "limit", stats.pids.limit);
  w.end_object();
  write_block_io(w, stats.block_io);
  w.key("hugetlb").begin_object();
  for (const auto& [size, pages] : stats.hugetlb) {
    w.key(size).begin_object();
    write_unless_zero(w, "usage", pages.usage);
    write_unless_zero(w, "max", pages.max_usage);
    w.key("failcnt").value(pages.fail_count);
    w.end_object();
  }
  w.end_object();
  // runc has these two always; the second is null unless it made the interfaces itself, which it no longer
  // does.
  w.key("intel_rdt").begin_object().end_object();
  w.key("network_interfaces").null();
  w.end_object().end_object();
  return std::move(w).text();
}

std::string oom_event(std::string_view id) {
  Writer w;
  w.begin_object().key("type").value("oom").key("id").value(id).end_object();
  return std::move(w).text();
}

}  // namespace gantry::runtime
