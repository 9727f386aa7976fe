// SPDX-License-Identifier: Apache-2.0
#include "container/resources.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "base/printable.h"
#include "container/devices.h"

namespace gantry::container {
namespace {

constexpr std::int64_t kPeriod = 100'000;  // microseconds, for NanoCpus
constexpr std::int64_t kNanosPerCpu = 1'000'000'000;

template <class T>
void set_if(std::optional<T>& field, std::int64_t value) {
  if (value != 0) field = static_cast<T>(value);
}

std::optional<oci::MemoryResources> memory_of(const Resources& resources) {
  oci::MemoryResources memory;
  set_if(memory.limit, resources.memory);
  set_if(memory.reservation, resources.memory_reservation);
  set_if(memory.swap, resources.memory_swap);
  if (resources.memory_swappiness && *resources.memory_swappiness >= 0)
    memory.swappiness = static_cast<std::uint64_t>(*resources.memory_swappiness);
  if (resources.oom_kill_disable.value_or(false)) memory.disable_oom_killer = true;
  const bool is_given =
      memory.limit || memory.reservation || memory.swap || memory.swappiness || memory.disable_oom_killer;
  return is_given ? std::optional(memory) : std::nullopt;
}

std::optional<oci::CpuResources> cpu_of(const Resources& resources) {
  oci::CpuResources cpu{.cpus = resources.cpuset_cpus, .mems = resources.cpuset_mems};
  set_if(cpu.shares, resources.cpu_shares);
  set_if(cpu.quota, resources.cpu_quota);
  set_if(cpu.period, resources.cpu_period);
  if (resources.nano_cpus > 0) {
    cpu.period = kPeriod;
    cpu.quota = resources.nano_cpus / (kNanosPerCpu / kPeriod);
  }
  set_if(cpu.realtime_period, resources.cpu_realtime_period);
  set_if(cpu.realtime_runtime, resources.cpu_realtime_runtime);
  const bool is_given = cpu.shares || cpu.quota || cpu.period || cpu.realtime_period ||
                        cpu.realtime_runtime || !cpu.cpus.empty() || !cpu.mems.empty();
  return is_given ? std::optional(std::move(cpu)) : std::nullopt;
}

Result<std::vector<oci::ThrottleDevice>> throttles_of(const std::vector<ThrottleDevice>& devices,
                                                      std::string_view field) {
  std::vector<oci::ThrottleDevice> throttles;
  for (const ThrottleDevice& device : devices) {
    const DeviceNumber number = TRY_DURING(block_device_number(device.path), "{}", field);
    throttles.push_back({number.major, number.minor, device.rate});
  }
  return throttles;
}

Result<std::optional<oci::BlockIoResources>> block_io_of(const Resources& resources) {
  oci::BlockIoResources io;
  if (resources.blkio_weight != 0) io.weight = resources.blkio_weight;
  for (const WeightDevice& device : resources.blkio_weight_device) {
    const DeviceNumber number = TRY_DURING(block_device_number(device.path), "BlkioWeightDevice");
    io.weight_device.push_back({.major = number.major, .minor = number.minor, .weight = device.weight});
  }
  io.throttle_read_bps_device = TRY(throttles_of(resources.blkio_device_read_bps, "BlkioDeviceReadBps"));
  io.throttle_write_bps_device = TRY(throttles_of(resources.blkio_device_write_bps, "BlkioDeviceWriteBps"));
  io.throttle_read_iops_device = TRY(throttles_of(resources.blkio_device_read_iops, "BlkioDeviceReadIOps"));
  io.throttle_write_iops_device =
      TRY(throttles_of(resources.blkio_device_write_iops, "BlkioDeviceWriteIOps"));
  const bool is_given = io.weight || !io.weight_device.empty() || !io.throttle_read_bps_device.empty() ||
                        !io.throttle_write_bps_device.empty() || !io.throttle_read_iops_device.empty() ||
                        !io.throttle_write_iops_device.empty();
  if (!is_given) return std::optional<oci::BlockIoResources>();
  return std::optional(std::move(io));
}

// ---- ulimits

// setrlimit(2), without the prefix; in the words of the shell's ulimit they are the same.
constexpr std::array<std::string_view, 16> kUlimits = {
    "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
    "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};

std::uint64_t limit_of(std::int64_t value) {
  return value < 0 ? std::numeric_limits<std::uint64_t>::max() : static_cast<std::uint64_t>(value);
}

Result<oci::Rlimit> rlimit_of(const Ulimit& ulimit) {
  if (std::ranges::find(kUlimits, ulimit.name) == kUlimits.end())
    return error(Code::InvalidArgument, "invalid ulimit type: {}", printable(ulimit.name));
  oci::Rlimit rlimit{.type = "RLIMIT_", .soft = limit_of(ulimit.soft), .hard = limit_of(ulimit.hard)};
  if (rlimit.soft > rlimit.hard)
    return error(Code::InvalidArgument,
                 "ulimit {}: soft limit must be less than or equal to hard limit: {} > {}", ulimit.name,
                 ulimit.soft, ulimit.hard);
  for (const char c : ulimit.name) rlimit.type += static_cast<char>(c - 'a' + 'A');
  return rlimit;
}

}  // namespace

Result<oci::Resources> resources_of(const Resources& resources) {
  oci::Resources limits;
  limits.memory = memory_of(resources);
  limits.cpu = cpu_of(resources);
  limits.block_io = TRY(block_io_of(resources));
  if (resources.pids_limit)
    limits.pids = oci::PidsResources{.limit = *resources.pids_limit > 0 ? *resources.pids_limit : -1};
  return limits;
}

Result<std::vector<oci::Rlimit>> rlimits_of(const std::vector<Ulimit>& own,
                                            const std::vector<Ulimit>& defaults) {
  std::vector<Ulimit> ulimits = own;
  for (const Ulimit& one : defaults)
    if (std::ranges::find(own, one.name, &Ulimit::name) == own.end()) ulimits.push_back(one);
  std::vector<oci::Rlimit> rlimits;
  for (const Ulimit& one : ulimits) rlimits.push_back(TRY(rlimit_of(one)));
  return rlimits;
}

}  // namespace gantry::container
