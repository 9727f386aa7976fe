// SPDX-License-Identifier: Apache-2.0
//
// Limits: Docker's rules about what goes together, and what this host has.
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "base/number_list.h"
#include "base/printable.h"
#include "container/check.h"
#include "kernel/cgroup_layout.h"

namespace gantry::container {
namespace {

constexpr std::int64_t kLeastMemory = 6 << 20;  // bytes: below it not even a runtime starts
constexpr std::int64_t kNanosPerCpu = 1'000'000'000;

template <class... Args>
Error invalid(fmt::format_string<Args...> format, Args&&... args) {
  return error(Code::InvalidArgument, format, std::forward<Args>(args)...);
}

// ---- memory

Result<void> check_memory(const Resources& r) {
  if (r.memory != 0 && r.memory < kLeastMemory) return invalid("Minimum memory limit allowed is 6MB");
  if (r.memory > 0 && r.memory_swap > 0 && r.memory_swap < r.memory)
    return invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (r.memory_swap < -1) return invalid("HostConfig.MemorySwap: {} is less than -1", r.memory_swap);
  if (r.memory == 0 && r.memory_swap > 0)
    return invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
  if (r.memory_swappiness && (*r.memory_swappiness < -1 || *r.memory_swappiness > 100))
    return invalid("Invalid value: {}, valid memory swappiness range is 0-100", *r.memory_swappiness);
  if (r.memory_reservation != 0 && r.memory_reservation < kLeastMemory)
    return invalid("Minimum memory reservation allowed is 6MB");
  if (r.memory > 0 && r.memory_reservation > 0 && r.memory < r.memory_reservation)
    return invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
  return {};
}

// What Docker does without, it takes out and says so.
Warnings drop_what_is_missing(Resources& r, const HostFacts& facts) {
  Warnings warnings;
  if (r.memory > 0 && r.memory_swap > 0 && !facts.has_swap_limit) {
    warnings.emplace_back(
        "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited "
        "without swap.");
    r.memory_swap = -1;
  }
  if (r.memory_swappiness && *r.memory_swappiness >= 0 && !facts.has_swappiness) {
    warnings.emplace_back(
        "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory "
        "swappiness discarded.");
    r.memory_swappiness.reset();
  }
  if (r.oom_kill_disable.value_or(false) && !facts.has_oom_kill_disable) {
    warnings.emplace_back("Your kernel does not support OomKillDisable. OomKillDisable discarded.");
    r.oom_kill_disable.reset();
  }
  if (r.oom_kill_disable.value_or(false) && r.memory == 0)
    warnings.emplace_back(
        "OOM killer is disabled for the container, but no memory limit is set, this can result in the system "
        "running out of resources.");
  return warnings;
}

// ---- cpu

// "0-3,8", as the kernel writes lists.
std::string as_ranges(const std::vector<std::uint16_t>& sorted) {
  std::string text;
  for (std::size_t first = 0; first < sorted.size();) {
    std::size_t last = first;
    while (last + 1 < sorted.size() && sorted[last + 1] == sorted[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", sorted[first]);
    if (last > first) text += fmt::format("-{}", sorted[last]);
    first = last + 1;
  }
  return text;
}

Result<void> check_list(std::string_view field, const std::string& list,
                        const std::vector<std::uint16_t>& there, std::string_view what) {
  if (list.empty()) return {};
  const auto numbers = parse_number_list(list);
  if (!numbers) return invalid("Invalid value {0} for {1}: invalid format: {0}", printable(list), field);
  for (const std::uint16_t number : *numbers)
    if (std::ranges::find(there, number) == there.end())
      return invalid("Requested {} are not available - requested {}, available: {}", what, list,
                     as_ranges(there));
  return {};
}

Result<void> check_cpu_time(const Resources& r, const HostFacts& facts) {
  if (r.cpu_shares < 0)
    return invalid("invalid CPU shares ({}): value must be a positive integer", r.cpu_shares);
  if (r.nano_cpus != 0 && r.cpu_period != 0)
    return invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  if (r.nano_cpus != 0 && r.cpu_quota != 0)
    return invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  if (r.nano_cpus < 0 || r.nano_cpus > std::int64_t{facts.cpus} * kNanosPerCpu)
    return invalid("range of CPUs is from 0.01 to {0}.00, as there are only {0} CPUs available", facts.cpus);
  if (r.cpu_period != 0 && (r.cpu_period < 1000 || r.cpu_period > 1'000'000))
    return invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  if (r.cpu_quota != 0 && r.cpu_quota != -1 && r.cpu_quota < 1000)
    return invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  return {};
}

Result<void> check_realtime(const Resources& r, const HostFacts& facts) {
  if (r.cpu_realtime_period == 0 && r.cpu_realtime_runtime == 0) return {};
  if (!facts.has_realtime) return invalid("Your kernel does not support CPU real-time scheduler");
  if (r.cpu_realtime_period < 0 || r.cpu_realtime_runtime < 0)
    return invalid("HostConfig.CpuRealtimePeriod and CpuRealtimeRuntime must not be negative");
  if (r.cpu_realtime_period != 0 && r.cpu_realtime_runtime > r.cpu_realtime_period)
    return invalid("cpu real-time runtime cannot be higher than cpu real-time period");
  return {};
}

// ---- the rest

Result<void> check_block_io(const Resources& r) {
  const auto is_weight = [](std::uint16_t weight) { return weight == 0 || (weight >= 10 && weight <= 1000); };
  if (!is_weight(r.blkio_weight)) return invalid("Range of blkio weight is from 10 to 1000");
  for (const WeightDevice& device : r.blkio_weight_device)
    if (!is_weight(device.weight)) return invalid("Range of blkio weight is from 10 to 1000");
  return {};
}

std::vector<std::uint16_t> numbers_in(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return {};
  auto numbers = parse_number_list(*text);
  return numbers ? std::move(*numbers) : std::vector<std::uint16_t>();
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// Whether the group of this process, or one at the top, has a limit of that name: the group at the top of v2
// has none itself. Where there is no other to look at, yes: then the runtime will say.
bool has_limit(const kernel::Hierarchy& hierarchy, const std::string& file) {
  if (exists(hierarchy.mount + hierarchy.own.value_or("") + "/" + file)) return true;
  if (hierarchy.version() == kernel::CgroupVersion::V1) return false;
  bool is_known = false;
  for (const std::string& name : names_in(AT_FDCWD, hierarchy.mount).value_or(std::vector<std::string>())) {
    const std::string group = hierarchy.mount + "/" + name;
    if (exists(group + "/" + file)) return true;
    is_known = is_known || exists(group + "/memory.max");
  }
  return !is_known;
}

}  // namespace

Result<HostFacts> HostFacts::read() {
  const kernel::CgroupLayout layout = TRY(kernel::CgroupLayout::read());
  HostFacts facts;
  facts.online_cpus = numbers_in("/sys/devices/system/cpu/online");
  facts.memory_nodes = numbers_in("/sys/devices/system/node/has_memory");
  if (facts.memory_nodes.empty()) facts.memory_nodes = {0};  // a kernel without NUMA
  facts.cpus = std::max<unsigned>(1, static_cast<unsigned>(facts.online_cpus.size()));
  if (facts.online_cpus.empty()) facts.online_cpus = {0};

  const kernel::Hierarchy* memory = layout.v1_with(kernel::Controller::Memory);
  facts.has_cgroup_v2 = layout.mode() == kernel::CgroupMode::V2;
  facts.has_oom_kill_disable = facts.has_swappiness = memory != nullptr;
  if (memory != nullptr)
    facts.has_swap_limit = has_limit(*memory, "memory.memsw.limit_in_bytes");
  else if (layout.v2() != nullptr)
    facts.has_swap_limit = has_limit(*layout.v2(), "memory.swap.max");
  const kernel::Hierarchy* cpu = layout.v1_with(kernel::Controller::Cpu);
  facts.has_realtime = cpu != nullptr && has_limit(*cpu, "cpu.rt_runtime_us");
  return facts;
}

Result<Warnings> check_resources(Resources& resources, const HostFacts& facts) {
  TRY(check_memory(resources));
  TRY(check_cpu_time(resources, facts));
  TRY(check_realtime(resources, facts));
  TRY(check_list("cpuset cpus", resources.cpuset_cpus, facts.online_cpus, "CPUs"));
  TRY(check_list("cpuset mems", resources.cpuset_mems, facts.memory_nodes, "memory nodes"));
  TRY(check_block_io(resources));
  return drop_what_is_missing(resources, facts);
}

namespace {

// What Docker's clients cannot ask for, but the API's body could hold.
Warnings fixed_since_create(const Resources& changes) {
  struct Fixed {
    std::string_view field;
    bool is_given;
  };
  const Fixed fields[] = {{"CgroupParent", !changes.cgroup_parent.empty()},
                          {"BlkioWeightDevice", !changes.blkio_weight_device.empty()},
                          {"BlkioDeviceReadBps", !changes.blkio_device_read_bps.empty()},
                          {"BlkioDeviceWriteBps", !changes.blkio_device_write_bps.empty()},
                          {"BlkioDeviceReadIOps", !changes.blkio_device_read_iops.empty()},
                          {"BlkioDeviceWriteIOps", !changes.blkio_device_write_iops.empty()},
                          {"Devices", !changes.devices.empty()},
                          {"DeviceCgroupRules", !changes.device_cgroup_rules.empty()},
                          {"DeviceRequests", !changes.device_requests.empty()},
                          {"KernelMemory", changes.kernel_memory != 0},
                          {"KernelMemoryTCP", changes.kernel_memory_tcp != 0},
                          {"MemorySwappiness", changes.memory_swappiness.value_or(-1) >= 0},
                          {"OomKillDisable", changes.oom_kill_disable.value_or(false)},
                          {"Init", changes.init.has_value()},
                          {"Ulimits", !changes.ulimits.empty()},
                          {"CpuCount", changes.cpu_count != 0},
                          {"CpuPercent", changes.cpu_percent != 0},
                          {"IOMaximumIOps", changes.io_maximum_iops != 0},
                          {"IOMaximumBandwidth", changes.io_maximum_bandwidth != 0}};
  Warnings warnings;
  for (const Fixed& field : fields)
    if (field.is_given)
      warnings.push_back(fmt::format("{} is ignored: it cannot be changed after create.", field.field));
  return warnings;
}

// CPU time is said one way or the other; what is said now has to fit what was said before.
Result<void> check_against(const Resources& current, const Resources& changes) {
  const auto conflict = [](std::string_view what, std::string_view other) {
    return error(Code::Conflict, "Conflicting options: {} cannot be updated as {} has already been set", what,
                 other);
  };
  if (current.nano_cpus > 0 && changes.cpu_period != 0) return conflict("CPU Period", "NanoCPUs");
  if (current.nano_cpus > 0 && changes.cpu_quota != 0) return conflict("CPU Quota", "NanoCPUs");
  if (changes.nano_cpus > 0 && current.cpu_quota > 0) return conflict("Nano CPUs", "CPU Quota");
  if (changes.nano_cpus > 0 && current.cpu_period > 0) return conflict("Nano CPUs", "CPU Period");
  if (changes.memory > 0 && changes.memory_swap == 0 && current.memory_swap > 0 &&
      changes.memory > current.memory_swap)
    return error(
        Code::Conflict,
        "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the "
        "same time");
  return {};
}

}  // namespace

Result<Warnings> update_resources(Resources& current, const Resources& changes, const HostFacts& facts) {
  TRY(check_against(current, changes));
  Resources merged = current;
  const auto take = [](auto& field, const auto& change) {
    if (change != std::remove_cvref_t<decltype(change)>()) field = change;
  };
  take(merged.cpu_shares, changes.cpu_shares);
  take(merged.nano_cpus, changes.nano_cpus);
  take(merged.cpu_period, changes.cpu_period);
  take(merged.cpu_quota, changes.cpu_quota);
  take(merged.cpu_realtime_period, changes.cpu_realtime_period);
  take(merged.cpu_realtime_runtime, changes.cpu_realtime_runtime);
  take(merged.cpuset_cpus, changes.cpuset_cpus);
  take(merged.cpuset_mems, changes.cpuset_mems);
  take(merged.memory, changes.memory);
  take(merged.memory_swap, changes.memory_swap);
  take(merged.memory_reservation, changes.memory_reservation);
  take(merged.blkio_weight, changes.blkio_weight);
  take(merged.pids_limit, changes.pids_limit);
  Warnings warnings = TRY(check_resources(merged, facts));
  for (std::string& warning : fixed_since_create(changes)) warnings.push_back(std::move(warning));
  current = std::move(merged);
  return warnings;
}

}  // namespace gantry::container
