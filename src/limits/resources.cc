// SPDX-License-Identifier: Apache-2.0
#include "limits/resources.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "kernel/device_list.h"

namespace gantry::limits {
namespace {

using kernel::Cgroup;
using kernel::CgroupVersion;
using kernel::Controller;
using kernel::ControllerSet;

// Zero means "not set", as in runc; engines send it for what their user left alone.
template <class T>
bool is_set(const std::optional<T>& value) {
  return value.has_value() && *value != 0;
}

// Limits of v2: -1 is "max".
std::string number_or_max(std::int64_t value) { return value == -1 ? "max" : std::to_string(value); }

// Writes settings and decides what a failure means.
class Writer {
 public:
  Writer(Cgroup& cgroup, bool rootless, std::vector<std::string>& warnings)
      : cgroup_(cgroup), rootless_(rootless), warnings_(warnings) {}

  Cgroup& cgroup() { return cgroup_; }

  // What the write itself says, for callers with a second way.
  Result<void> attempt(Controller controller, const char* file, std::string_view value) {
    if (cgroup_.place_of(controller) == nullptr) return missing(controller);
    return cgroup_.write(controller, file, value);
  }

  // `field` is below linux.resources: "memory.limit".
  Result<void> set(std::string_view field, Controller controller, const char* file, std::string_view value) {
    return settle(field, attempt(controller, file, value));
  }

  // Success, or what stands for it; else the error with the field's name.
  Result<void> settle(std::string_view field, Result<void> outcome) {
    if (outcome) return {};
    Error failure = std::move(outcome).error().during(fmt::format("linux.resources.{}", field));
    const bool is_lack = failure.code() == Code::NotFound || failure.code() == Code::PermissionDenied ||
                         failure.code() == Code::Unsupported;
    if (!rootless_ || !is_lack) return failure;
    warnings_.push_back(failure.message() + "; not applied: the control group is not delegated to this user");
    return {};
  }

  Result<void> unsupported_by_v2(std::string_view field) {
    return settle(field, error(Code::Unsupported, "cgroup v2 has no such setting"));
  }

  void warn(std::string_view field, std::string_view why) {
    warnings_.push_back(fmt::format("linux.resources.{}: {}", field, why));
  }

 private:
  Error missing(Controller controller) {
    const kernel::CgroupPlace* v2 = cgroup_.v2_place();
    if (v2 == nullptr)
      return error(Code::NotFound, "this host has no cgroup controller '{}'",
                   name_of(controller, CgroupVersion::V1));
    return error(Code::NotFound, "the cgroup controller '{}' is not available in '{}'{}{}",
                 name_of(controller, CgroupVersion::V2), v2->path, cgroup_.refusal().empty() ? "" : ": ",
                 cgroup_.refusal());
  }

  Cgroup& cgroup_;
  const bool rootless_;
  std::vector<std::string>& warnings_;
};

bool is_v2(Writer& writer, Controller controller) {
  return writer.cgroup().version_of(controller) == CgroupVersion::V2;
}

bool has_errno(const Result<void>& outcome, int value) {
  return !outcome && outcome.error().errno_value() == value;
}

// ---- memory

Result<void> apply_memory_v1(Writer& writer, const oci::MemoryResources& memory) {
  constexpr const char* kLimit = "memory.limit_in_bytes";
  constexpr const char* kSwap = "memory.memsw.limit_in_bytes";
  // Memory and swap together can never be limited below memory alone, so who comes first depends on where the
  // two were before. The kernel says so itself (EINVAL), which spares reading them.
  const bool lifts_both = memory.limit == -1 && !is_set(memory.swap);
  const std::optional<std::int64_t> swap = lifts_both ? std::optional<std::int64_t>(-1) : memory.swap;
  // Without swap accounting there is no file, and nothing to lift.
  const auto set_swap = [&]() -> Result<void> {
    auto outcome = writer.attempt(Controller::Memory, kSwap, std::to_string(*swap));
    if (*swap == -1 && has_errno(outcome, ENOENT)) return {};
    return writer.settle("memory.swap", std::move(outcome));
  };
  bool swap_is_set = false;
  if (is_set(memory.limit)) {
    const std::string limit = std::to_string(*memory.limit);
    auto outcome = writer.attempt(Controller::Memory, kLimit, limit);
    if (has_errno(outcome, EINVAL) && is_set(swap)) {
      TRY(set_swap());
      swap_is_set = true;
      outcome = writer.attempt(Controller::Memory, kLimit, limit);
    }
    TRY(writer.settle("memory.limit", std::move(outcome)));
  }
  // Lifting the limit lifts that of swap with it only where it was in the way.
  if (is_set(swap) && !swap_is_set) TRY(set_swap());
  if (is_set(memory.reservation))
    TRY(writer.set("memory.reservation", Controller::Memory, "memory.soft_limit_in_bytes",
                   std::to_string(*memory.reservation)));
  if (memory.disable_oom_killer.value_or(false))
    TRY(writer.set("memory.disableOOMKiller", Controller::Memory, "memory.oom_control", "1"));
  // -1, which some callers send, is "not set".
  if (memory.swappiness && *memory.swappiness != static_cast<std::uint64_t>(-1)) {
    if (*memory.swappiness > 100)
      return error(Code::InvalidArgument, "linux.resources.memory.swappiness: {} is not between 0 and 100",
                   *memory.swappiness);
    TRY(writer.set("memory.swappiness", Controller::Memory, "memory.swappiness",
                   std::to_string(*memory.swappiness)));
  }
  return {};
}

// With checkBeforeUpdate a limit below what is in use is refused, instead of killing the container.
Result<void> check_memory_use(Writer& writer, const oci::MemoryResources& memory) {
  const std::string text = TRY(writer.cgroup().read(Controller::Memory, "memory.current"));
  std::int64_t use = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), use);
  const auto check = [&](const char* field, const std::optional<std::int64_t>& limit) -> Result<void> {
    if (limit && *limit > 0 && *limit <= use)
      return error(Code::Conflict, "linux.resources.memory.{}: {} is not more than the {} bytes in use",
                   field, *limit, use);
    return {};
  };
  TRY(check("swap", memory.swap));
  return check("limit", memory.limit);
}

Result<void> apply_memory_v2(Writer& writer, const oci::MemoryResources& memory) {
  if (memory.check_before_update.value_or(false)) TRY(check_memory_use(writer, memory));
  const std::string swap_max = TRY_DURING(swap_max_of(memory), "linux.resources.memory.swap");
  if (!swap_max.empty()) {
    auto outcome = writer.attempt(Controller::Memory, "memory.swap.max", swap_max);
    // Without swap accounting there is no swap to lift a limit from or to forbid.
    const bool is_moot = has_errno(outcome, ENOENT) && (swap_max == "max" || swap_max == "0");
    if (!is_moot) TRY(writer.settle("memory.swap", std::move(outcome)));
  }
  if (is_set(memory.limit))
    TRY(writer.set("memory.limit", Controller::Memory, "memory.max", number_or_max(*memory.limit)));
  if (is_set(memory.reservation))
    TRY(writer.set("memory.reservation", Controller::Memory, "memory.low",
                   number_or_max(*memory.reservation)));
  // Neither of these two is a limit; runc does without a word.
  if (memory.swappiness && *memory.swappiness != static_cast<std::uint64_t>(-1))
    writer.warn("memory.swappiness", "ignored, cgroup v2 has no such setting");
  if (memory.disable_oom_killer.value_or(false))
    writer.warn("memory.disableOOMKiller", "ignored, cgroup v2 has no such setting");
  return {};
}

bool needs_memory(const oci::MemoryResources& memory) {
  return is_set(memory.limit) || is_set(memory.reservation) || is_set(memory.swap) ||
         (memory.swappiness && *memory.swappiness != static_cast<std::uint64_t>(-1)) ||
         memory.disable_oom_killer.value_or(false);
}

Result<void> apply_memory(Writer& writer, const oci::MemoryResources& memory) {
  if (is_set(memory.kernel))
    writer.warn("memory.kernel", "ignored, the kernel no longer limits its own memory by itself");
  if (is_set(memory.kernel_tcp))
    writer.warn("memory.kernelTCP", "ignored, it is deprecated and has no effect");
  if (memory.use_hierarchy == false)
    writer.warn("memory.useHierarchy", "ignored, the kernel always counts what is below a group");
  if (!needs_memory(memory)) return {};
  return is_v2(writer, Controller::Memory) ? apply_memory_v2(writer, memory)
                                           : apply_memory_v1(writer, memory);
}

// ---- cpu

struct Setting {
  const char* field;
  const char* file;
  std::string value;
};

// For settings that limit one another, so that the right order depends on their old values: what the kernel
// refuses as a combination (EINVAL) is tried again when the others are through.
Result<void> set_together(Writer& writer, Controller controller, std::vector<Setting> settings) {
  while (!settings.empty()) {
    std::vector<Setting> refused;
    std::optional<Error> first_refusal;
    for (Setting& setting : settings) {
      auto outcome = writer.attempt(controller, setting.file, setting.value);
      if (has_errno(outcome, EINVAL)) {
        if (!first_refusal)
          first_refusal = std::move(outcome).error().during(fmt::format("linux.resources.{}", setting.field));
        refused.push_back(std::move(setting));
      } else {
        TRY(writer.settle(setting.field, std::move(outcome)));
      }
    }
    if (refused.size() == settings.size()) return std::move(*first_refusal);
    settings = std::move(refused);
  }
  return {};
}

Result<void> apply_cpu_v1(Writer& writer, const oci::CpuResources& cpu) {
  std::vector<Setting> settings;
  // An idle group refuses shares: leave that state before setting them, enter it afterwards.
  if (cpu.idle && *cpu.idle == 0 && is_set(cpu.shares)) settings.push_back({"cpu.idle", "cpu.idle", "0"});
  if (is_set(cpu.shares)) {
    // The kernel would quietly take the nearest possible value.
    if (*cpu.shares < 2 || *cpu.shares > 262144)
      return error(Code::InvalidArgument, "linux.resources.cpu.shares: {} is not between 2 and 262144",
                   *cpu.shares);
    settings.push_back({"cpu.shares", "cpu.shares", std::to_string(*cpu.shares)});
  }
  if (cpu.idle && !(*cpu.idle == 0 && is_set(cpu.shares)))
    settings.push_back({"cpu.idle", "cpu.idle", std::to_string(*cpu.idle)});
  if (is_set(cpu.period))
    settings.push_back({"cpu.period", "cpu.cfs_period_us", std::to_string(*cpu.period)});
  if (cpu.burst) settings.push_back({"cpu.burst", "cpu.cfs_burst_us", std::to_string(*cpu.burst)});
  if (is_set(cpu.quota)) settings.push_back({"cpu.quota", "cpu.cfs_quota_us", std::to_string(*cpu.quota)});
  if (is_set(cpu.realtime_period))
    settings.push_back({"cpu.realtimePeriod", "cpu.rt_period_us", std::to_string(*cpu.realtime_period)});
  if (is_set(cpu.realtime_runtime))
    settings.push_back({"cpu.realtimeRuntime", "cpu.rt_runtime_us", std::to_string(*cpu.realtime_runtime)});
  return set_together(writer, Controller::Cpu, std::move(settings));
}

Result<void> apply_cpu_v2(Writer& writer, const oci::CpuResources& cpu) {
  std::vector<Setting> settings;
  if (cpu.idle) settings.push_back({"cpu.idle", "cpu.idle", std::to_string(*cpu.idle)});
  // A weight has no effect on an idle group, and the kernel refuses it there.
  if (is_set(cpu.shares) && cpu.idle.value_or(0) == 0)
    settings.push_back({"cpu.shares", "cpu.weight", std::to_string(cpu_weight_of(*cpu.shares))});
  if (cpu.burst) settings.push_back({"cpu.burst", "cpu.max.burst", std::to_string(*cpu.burst)});
  if (is_set(cpu.quota) || is_set(cpu.period)) {
    constexpr std::uint64_t kDefaultPeriod = 100'000;  // microseconds
    const std::string quota = cpu.quota.value_or(0) > 0 ? std::to_string(*cpu.quota) : "max";
    const std::uint64_t period = is_set(cpu.period) ? *cpu.period : kDefaultPeriod;
    settings.push_back(
        {is_set(cpu.quota) ? "cpu.quota" : "cpu.period", "cpu.max", fmt::format("{} {}", quota, period)});
  }
  TRY(set_together(writer, Controller::Cpu, std::move(settings)));
  if (is_set(cpu.realtime_period)) TRY(writer.unsupported_by_v2("cpu.realtimePeriod"));
  if (is_set(cpu.realtime_runtime)) TRY(writer.unsupported_by_v2("cpu.realtimeRuntime"));
  return {};
}

Result<void> apply_cpu(Writer& writer, const oci::CpuResources& cpu) {
  TRY(is_v2(writer, Controller::Cpu) ? apply_cpu_v2(writer, cpu) : apply_cpu_v1(writer, cpu));
  if (!cpu.cpus.empty()) TRY(writer.set("cpu.cpus", Controller::Cpuset, "cpuset.cpus", cpu.cpus));
  if (!cpu.mems.empty()) TRY(writer.set("cpu.mems", Controller::Cpuset, "cpuset.mems", cpu.mems));
  return {};
}

// ---- pids

Result<void> apply_pids(Writer& writer, const oci::PidsResources& pids, bool is_fresh) {
  const bool is_limited = pids.limit > 0;
  if (!is_limited && (is_fresh || writer.cgroup().place_of(Controller::Pids) == nullptr)) return {};
  return writer.set("pids.limit", Controller::Pids, "pids.max",
                    is_limited ? std::to_string(pids.limit) : "max");
}

// ---- block devices

Result<void> apply_throttles(Writer& writer, const oci::BlockIoResources& io) {
  const struct {
    const char* field;
    const std::vector<oci::ThrottleDevice>& devices;
    const char* v1_file;
    const char* v2_key;
  } kinds[] = {
      {"blockIO.throttleReadBpsDevice", io.throttle_read_bps_device, "blkio.throttle.read_bps_device",
       "rbps"},
      {"blockIO.throttleWriteBpsDevice", io.throttle_write_bps_device, "blkio.throttle.write_bps_device",
       "wbps"},
      {"blockIO.throttleReadIOPSDevice", io.throttle_read_iops_device, "blkio.throttle.read_iops_device",
       "riops"},
      {"blockIO.throttleWriteIOPSDevice", io.throttle_write_iops_device, "blkio.throttle.write_iops_device",
       "wiops"},
  };
  const bool v2 = is_v2(writer, Controller::Io);
  for (const auto& kind : kinds) {
    for (const oci::ThrottleDevice& device : kind.devices) {
      const std::string number = fmt::format("{}:{}", device.major, device.minor);
      // No limit is 0 in v1 and "max" in v2.
      const std::string rate = v2 && device.rate == 0 ? "max" : std::to_string(device.rate);
      TRY(v2 ? writer.set(kind.field, Controller::Io, "io.max",
                          fmt::format("{} {}={}", number, kind.v2_key, rate))
             : writer.set(kind.field, Controller::Io, kind.v1_file, fmt::format("{} {}", number, rate)));
    }
  }
  return {};
}

// Weights belong to the I/O scheduler, which gives the file its name: BFQ its own, else the general one.
Result<void> set_weight(Writer& writer, std::string_view field, const char* bfq_file,
                        std::string_view bfq_value, const char* general_file,
                        std::string_view general_value) {
  auto outcome = writer.attempt(Controller::Io, bfq_file, bfq_value);
  if (has_errno(outcome, ENOENT)) outcome = writer.attempt(Controller::Io, general_file, general_value);
  return writer.settle(field, std::move(outcome));
}

Result<void> apply_weights(Writer& writer, const oci::BlockIoResources& io) {
  const bool v2 = is_v2(writer, Controller::Io);
  const auto set = [&](std::string_view field, const std::string& device, std::uint16_t weight) {
    const std::string plain = device + std::to_string(weight);
    if (v2)
      return set_weight(writer, field, "io.bfq.weight", plain, "io.weight",
                        (device.empty() ? "default " : device) + std::to_string(io_weight_of(weight)));
    return device.empty()
               ? set_weight(writer, field, "blkio.bfq.weight", plain, "blkio.weight", plain)
               : set_weight(writer, field, "blkio.bfq.weight_device", plain, "blkio.weight_device", plain);
  };
  if (is_set(io.weight)) TRY(set("blockIO.weight", "", *io.weight));
  if (is_set(io.leaf_weight))
    TRY(v2 ? writer.unsupported_by_v2("blockIO.leafWeight")
           : writer.set("blockIO.leafWeight", Controller::Io, "blkio.leaf_weight",
                        std::to_string(*io.leaf_weight)));
  for (const oci::WeightDevice& device : io.weight_device) {
    const std::string number = fmt::format("{}:{} ", device.major, device.minor);
    if (is_set(device.weight)) TRY(set("blockIO.weightDevice", number, *device.weight));
    if (is_set(device.leaf_weight))
      TRY(v2 ? writer.unsupported_by_v2("blockIO.weightDevice.leafWeight")
             : writer.set("blockIO.weightDevice.leafWeight", Controller::Io, "blkio.leaf_weight_device",
                          number + std::to_string(*device.leaf_weight)));
  }
  return {};
}

bool needs_io(const oci::BlockIoResources& io) {
  return is_set(io.weight) || is_set(io.leaf_weight) || !io.weight_device.empty() ||
         !io.throttle_read_bps_device.empty() || !io.throttle_write_bps_device.empty() ||
         !io.throttle_read_iops_device.empty() || !io.throttle_write_iops_device.empty();
}

// ---- the small ones

// "2MB": part of a file's name, so nothing else gets in.
bool is_page_size(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return false;
  const std::string_view unit = text.substr(digits);
  return unit == "KB" || unit == "MB" || unit == "GB";
}

Result<void> apply_huge_pages(Writer& writer, const std::vector<oci::HugepageLimit>& limits) {
  for (const oci::HugepageLimit& limit : limits) {
    if (!is_page_size(limit.page_size))
      return error(Code::InvalidArgument, "linux.resources.hugepageLimits.pageSize: '{}' is not like '2MB'",
                   limit.page_size);
    const char* suffix = is_v2(writer, Controller::Hugetlb) ? "max" : "limit_in_bytes";
    const std::string value = std::to_string(limit.limit);
    const std::string field = fmt::format("hugepageLimits.{}", limit.page_size);
    TRY(writer.set(field, Controller::Hugetlb, fmt::format("hugetlb.{}.{}", limit.page_size, suffix).c_str(),
                   value));
    // Pages that are reserved and not touched yet; before Linux 5.7 they were not counted.
    const std::string reserved = fmt::format("hugetlb.{}.rsvd.{}", limit.page_size, suffix);
    auto outcome = writer.attempt(Controller::Hugetlb, reserved.c_str(), value);
    if (!has_errno(outcome, ENOENT)) TRY(writer.settle(field, std::move(outcome)));
  }
  return {};
}

Result<void> apply_network(Writer& writer, const oci::NetworkResources& network) {
  const bool has_v1 = writer.cgroup().place_of(Controller::NetCls) != nullptr;
  if (is_set(network.class_id))
    TRY(!has_v1 && writer.cgroup().places().size() == 1 && writer.cgroup().v2_place() != nullptr
            ? writer.unsupported_by_v2("network.classID")
            : writer.set("network.classID", Controller::NetCls, "net_cls.classid",
                         std::to_string(*network.class_id)));
  for (const oci::InterfacePriority& priority : network.priorities)
    TRY(writer.set("network.priorities", Controller::NetPrio, "net_prio.ifpriomap",
                   fmt::format("{} {}", priority.name, priority.priority)));
  return {};
}

Result<void> apply_rdma(Writer& writer, const std::map<std::string, oci::Rdma>& devices) {
  for (const auto& [device, limits] : devices) {
    std::string line = device;
    if (limits.hca_handles) line += fmt::format(" hca_handle={}", *limits.hca_handles);
    if (limits.hca_objects) line += fmt::format(" hca_object={}", *limits.hca_objects);
    TRY(writer.set(fmt::format("rdma.{}", device), Controller::Rdma, "rdma.max", line));
  }
  return {};
}

// The controller that a file of v2 belongs to: "memory.high" -> memory.
std::string_view controller_part(std::string_view key) { return key.substr(0, key.find('.')); }

Result<void> apply_unified(Writer& writer, const oci::StringMap& unified) {
  for (const auto& [key, value] : unified) {
    const std::string field = fmt::format("unified['{}']", key);
    const std::size_t dot = key.find('.');
    if (key.find('/') != std::string::npos || dot == std::string::npos || dot == 0)
      return error(Code::InvalidArgument, "linux.resources.{}: not a file name like 'memory.high'", field);
    const auto outcome = [&]() -> Result<void> {
      if (writer.cgroup().v2_place() == nullptr)
        return error(Code::Unsupported, "this host has no cgroup v2");
      const ControllerSet controller = ControllerSet::parse(controller_part(key), " ", CgroupVersion::V2);
      if (!controller.is_empty() && (writer.cgroup().v2_controllers() & controller).is_empty()) {
        ControllerSet v1;
        for (const kernel::CgroupPlace& place : writer.cgroup().places())
          v1 = v1 | ControllerSet::parse(place.key, ",", CgroupVersion::V1);
        return error(Code::Unsupported, "the controller '{}' {}{}{}", controller_part(key),
                     (v1 & controller).is_empty() ? "is not available in this cgroup v2 group"
                                                  : "is one of cgroup v1 on this host",
                     writer.cgroup().refusal().empty() ? "" : ": ", writer.cgroup().refusal());
      }
      // Files such as io.max take one line a write.
      std::string_view lines = value;
      do {
        const std::size_t end = lines.find('\n');
        TRY(writer.cgroup().write_v2(key.c_str(), lines.substr(0, end)));
        lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
      } while (!lines.empty());
      return {};
    };
    TRY(writer.settle(field, outcome()));
  }
  return {};
}

// ---- devices

Result<std::optional<std::uint32_t>> device_number(std::size_t index, const char* name,
                                                   const std::optional<std::int64_t>& number) {
  if (!number || *number == -1) return std::optional<std::uint32_t>();
  if (*number < 0 || *number > UINT32_MAX)
    return error(Code::InvalidArgument, "linux.resources.devices[{}].{}: {} is no device number", index, name,
                 *number);
  return std::optional<std::uint32_t>(static_cast<std::uint32_t>(*number));
}

Result<void> write_device_list(Cgroup& cgroup, const std::vector<kernel::DeviceRule>& rules) {
  const int directory = cgroup.directory_of(Controller::Devices);
  kernel::DeviceList before = kernel::DeviceList::everything();
  if (!cgroup.is_fresh()) {
    const std::string list = TRY(cgroup.read(Controller::Devices, "devices.list"));
    before = TRY(kernel::DeviceList::parse(list));
  }
  kernel::DeviceList target;
  for (const kernel::DeviceRule& rule : rules) TRY(target.apply(rule));
  UniqueFd allow, deny;  // each opened once: the kernel takes one rule a write
  for (const kernel::DeviceRule& step : before.steps_to(target)) {
    UniqueFd& fd = step.allow ? allow : deny;
    const char* file = step.allow ? "devices.allow" : "devices.deny";
    if (!fd) fd = TRY(open_at(directory, file, O_WRONLY));
    const std::string text = step.type == kernel::DeviceType::All ? "a" : to_text(step);
    if (::write(fd.get(), text.data(), text.size()) < 0)
      return sys_error("write '{}' to '{}/{}'", text, cgroup.place_of(Controller::Devices)->path, file);
  }
  return {};
}

Result<void> apply_devices(Writer& writer, const oci::Resources& resources, const ApplyOptions& options) {
  if (options.purpose == Purpose::Update && resources.devices.empty()) return {};
  const std::vector<kernel::DeviceRule> rules = TRY(device_rules(resources));
  // Without power over the host's devices nobody can make device files or attach the filter; what a bind
  // mount shows is guarded by its owner and mode alone. runc and crun keep silent about it, too.
  if (options.rootless) return {};
  Cgroup& cgroup = writer.cgroup();
  if (cgroup.place_of(Controller::Devices) != nullptr)
    return writer.settle("devices", write_device_list(cgroup, rules));
  if (cgroup.v2_place() == nullptr)
    return error(
        Code::NotFound,
        "linux.resources.devices: this host has no cgroup controller 'devices', so a container could use "
        "every device");
  const auto before = cgroup.is_fresh() ? kernel::Attached::Nothing : kernel::Attached::Replace;
  return writer.settle(
      "devices", kernel::attach_device_filter(cgroup.into_cgroup_fd(), kernel::device_filter(rules), before));
}

}  // namespace

std::uint64_t cpu_weight_of(std::uint64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  // The curve through (2, 1), (1024, 100) and (262144, 10000) that is a parabola in log space, so that the
  // default of one scale is the default of the other (runc since 1.3.2, crun since 1.23).
  const double l = std::log2(static_cast<double>(shares));
  return static_cast<std::uint64_t>(std::ceil(std::pow(10, (l * l + 125 * l) / 612 - 7.0 / 34)));
}

std::uint64_t io_weight_of(std::uint16_t weight) {
  if (weight <= 10) return 1;
  return 1 + (std::uint64_t{weight} - 10) * 9999 / 990;
}

Result<std::string> swap_max_of(const oci::MemoryResources& memory) {
  const std::int64_t limit = memory.limit.value_or(0);
  const std::int64_t swap = memory.swap.value_or(0);
  if (swap == 0) return limit == -1 ? "max" : "";  // as in v1, lifting the one lifts the other
  if (swap == -1) return "max";
  if (limit == -1) return std::to_string(swap);
  if (limit == 0)
    return error(Code::InvalidArgument, "{} counts memory and swap together, so it needs a memory.limit",
                 swap);
  if (limit < 0) return error(Code::InvalidArgument, "memory.limit is {}", limit);
  if (swap < limit)
    return error(Code::InvalidArgument,
                 "{} counts memory and swap together and is less than memory.limit, {}", swap, limit);
  return std::to_string(swap - limit);
}

ControllerSet controllers_for(const oci::Resources& resources) {
  ControllerSet set;
  if (resources.memory && needs_memory(*resources.memory)) set.add(Controller::Memory);
  if (resources.cpu) {
    const oci::CpuResources& cpu = *resources.cpu;
    if (is_set(cpu.shares) || is_set(cpu.quota) || is_set(cpu.period) || cpu.burst || cpu.idle)
      set.add(Controller::Cpu);
    if (!cpu.cpus.empty() || !cpu.mems.empty()) set.add(Controller::Cpuset);
  }
  if (resources.pids && resources.pids->limit > 0) set.add(Controller::Pids);
  if (resources.block_io && needs_io(*resources.block_io)) set.add(Controller::Io);
  if (!resources.hugepage_limits.empty()) set.add(Controller::Hugetlb);
  if (!resources.rdma.empty()) set.add(Controller::Rdma);
  for (const auto& [key, value] : resources.unified)
    set = set | ControllerSet::parse(controller_part(key), " ", CgroupVersion::V2);
  return set;
}

Result<std::vector<kernel::DeviceRule>> device_rules(const oci::Resources& resources) {
  using kernel::DeviceType;
  std::vector<kernel::DeviceRule> rules;
  rules.reserve(resources.devices.size() + 10);
  for (std::size_t i = 0; i < resources.devices.size(); ++i) {
    const oci::DeviceRule& from = resources.devices[i];
    kernel::DeviceRule rule{.allow = from.allow};
    if (from.type == "b")
      rule.type = DeviceType::Block;
    else if (from.type == "c")
      rule.type = DeviceType::Char;
    else if (!from.type.empty() && from.type != "a")
      return error(Code::InvalidArgument, "linux.resources.devices[{}].type: '{}' is none of a, b and c", i,
                   from.type);
    rule.major = TRY(device_number(i, "major", from.major));
    rule.minor = TRY(device_number(i, "minor", from.minor));
    if (!from.access.empty()) rule.access = 0;
    for (const char letter : from.access) {
      if (letter == 'r')
        rule.access |= kernel::kRead;
      else if (letter == 'w')
        rule.access |= kernel::kWrite;
      else if (letter == 'm')
        rule.access |= kernel::kMknod;
      else
        return error(Code::InvalidArgument,
                     "linux.resources.devices[{}].access: '{}' is not made of r, w and m", i, from.access);
    }
    rules.push_back(rule);
  }
  const auto allow = [&](DeviceType type, std::optional<std::uint32_t> major,
                         std::optional<std::uint32_t> minor, std::uint8_t access = kernel::kAllAccess) {
    rules.push_back({true, type, major, minor, access});
  };
  allow(DeviceType::Char, {}, {}, kernel::kMknod);
  allow(DeviceType::Block, {}, {}, kernel::kMknod);
  for (const std::uint32_t minor : {3, 5, 7, 8, 9}) allow(DeviceType::Char, 1, minor);  // null ... urandom
  allow(DeviceType::Char, 5, 0);                                                        // tty
  allow(DeviceType::Char, 5, 2);                                                        // ptmx
  allow(DeviceType::Char, 136, {});                                                     // pts/*
  return rules;
}

Result<void> apply_resources(Cgroup& cgroup, const oci::Resources& resources, const ApplyOptions& options,
                             std::vector<std::string>& warnings) {
  Writer writer(cgroup, options.rootless, warnings);
  if (resources.memory) TRY(apply_memory(writer, *resources.memory));
  if (resources.cpu) TRY(apply_cpu(writer, *resources.cpu));
  if (resources.pids) TRY(apply_pids(writer, *resources.pids, cgroup.is_fresh()));
  if (resources.block_io) {
    TRY(apply_weights(writer, *resources.block_io));
    TRY(apply_throttles(writer, *resources.block_io));
  }
  TRY(apply_huge_pages(writer, resources.hugepage_limits));
  if (resources.network) TRY(apply_network(writer, *resources.network));
  TRY(apply_rdma(writer, resources.rdma));
  TRY(apply_devices(writer, resources, options));
  // Last, so that what is spelled out for v2 has the last word.
  return apply_unified(writer, resources.unified);
}

}  // namespace gantry::limits
