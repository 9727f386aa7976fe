// SPDX-License-Identifier: Apache-2.0
//
// What values mean, section by section as in the specification. Each check() refuses with the field's
// name seen from its own struct; who calls it puts the place of that struct in front.
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "base/number_list.h"
#include "base/printable.h"
#include "oci/runtime_spec.h"
#include "oci/words.h"

namespace gantry::oci {
namespace {

using Words = std::span<const std::string_view>;

Error make_refusal(std::string_view field, fmt::string_view reason, fmt::format_args args) {
  return Error(Code::InvalidArgument, 0, fmt::format("{}: {}", field, fmt::vformat(reason, args)));
}

template <class... Args>
Error refuse(std::string_view field, fmt::format_string<Args...> reason, const Args&... args) {
  return make_refusal(field, reason, fmt::make_format_args(args...));
}

// The same result, its field seen from one struct further out: "type: ..." becomes "mounts[3].type: ...".
Result<void> within(Result<void> checked, std::string_view outer) {
  if (checked) return {};
  return Error(checked.error().code(), 0, fmt::format("{}.{}", outer, checked.error().message()));
}

Result<void> check_word(std::string_view field, std::string_view value, Words words) {
  if (std::ranges::find(words, value) != words.end()) return {};
  return refuse(field, "'{}' is not one of {}", printable(value), fmt::join(words, ", "));
}

Result<void> check_words(std::string_view field, const std::vector<std::string>& values, Words words) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (std::ranges::find(words, values[i]) == words.end())
      return check_word(fmt::format("{}[{}]", field, i), values[i], words);
  return {};
}

Result<void> check_range(std::string_view field, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return {};
  return refuse(field, "must be from {} to {}, is {}", low, high, value);
}

Result<void> check_absolute(std::string_view field, std::string_view path) {
  if (path.starts_with('/')) return {};
  return refuse(field, "must be an absolute path, is '{}'", printable(path));
}

Result<void> check_all_absolute(std::string_view field, const std::vector<std::string>& paths) {
  for (std::size_t i = 0; i < paths.size(); ++i)
    if (!paths[i].starts_with('/')) return check_absolute(fmt::format("{}[{}]", field, i), paths[i]);
  return {};
}

bool has_only(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

// Calls `visit` for each part of `path` between slashes until it returns false.
bool all_components(std::string_view path, auto&& visit) {
  for (;;) {
    const std::size_t slash = path.find('/');
    if (!visit(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

// What the kernel's dev_valid_name() takes.
Result<void> check_interface_name(std::string_view field, std::string_view name) {
  constexpr std::size_t kMaxLength = 15;  // IFNAMSIZ with its NUL
  if (!name.empty() && name.size() <= kMaxLength && name != "." && name != ".." &&
      name.find_first_of("/: \t\n\v\f\r") == std::string_view::npos)
    return {};
  return refuse(field, "'{}' is not a name for a network interface", printable(name));
}

// "0-3,7": the format of Linux for sets of CPUs and memory nodes; spaces may stand anywhere but in numbers.
Result<void> check_list(std::string_view field, std::string_view list) {
  const auto numbers = parse_number_list(list);
  if (!numbers || numbers->empty())
    return refuse(field, "'{}' is not a list such as '0-3,7'", printable(list));
  return {};
}

// Of what stands in lists, declared here for check_each() to find.
Result<void> check(const Mount& mount);
Result<void> check(const Hook& hook);
Result<void> check(const DeviceRule& rule);
Result<void> check(const ThrottleDevice& device);
Result<void> check(const WeightDevice& device);
Result<void> check(const HugepageLimit& hugepages);
Result<void> check(const InterfacePriority& interface);
Result<void> check(const Device& device);
Result<void> check(const SyscallArg& arg);
Result<void> check(const Syscall& syscall);

template <class T>
Result<void> check_each(std::string_view field, const std::vector<T>& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (Result<void> checked = check(values[i]); !checked)
      return within(std::move(checked), fmt::format("{}[{}]", field, i));
  return {};
}

// ---- The document

// https://semver.org: digits without leading zeros, then perhaps "-pre.release" and "+build".
Result<void> check_version(std::string_view version) {
  std::string_view rest = version;
  std::array<std::uint32_t, 3> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto [next, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), numbers[i]);
    const auto digits = static_cast<std::size_t>(next - rest.data());
    if (failure != std::errc{} || (rest.front() == '0' && digits > 1))
      return refuse("ociVersion", "'{}' is not a version such as '1.2.0'", printable(version));
    rest.remove_prefix(digits);
    if (i < 2) {
      if (!rest.starts_with('.'))
        return refuse("ociVersion", "'{}' is not a version such as '1.2.0'", printable(version));
      rest.remove_prefix(1);
    }
  }
  constexpr std::string_view kWord = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.";
  const std::string_view before_build = rest.substr(0, rest.find('+'));
  const std::string_view build = rest.substr(before_build.size());
  const bool is_pre_release = before_build.starts_with('-');
  const auto is_suffix = [&](std::string_view text) {
    return text.empty() || (text.size() > 1 && has_only(text.substr(1), kWord));
  };
  if ((!before_build.empty() && !is_pre_release) || !is_suffix(before_build) || !is_suffix(build))
    return refuse("ociVersion", "'{}' is not a version such as '1.2.0'", printable(version));

  // What came before 1.0.0 had other fields; within 1.x documents stay compatible.
  const auto [major, minor, patch] = numbers;
  const bool is_before_first = minor == 0 && patch == 0 && is_pre_release;
  if (major != 1 || minor > 3 || is_before_first)
    return refuse("ociVersion", "'{}' is not supported, only 1.0.0 to 1.3.x are", printable(version));
  return {};
}

// ---- process

constexpr std::string_view kRlimits[] = {
    "RLIMIT_AS",      "RLIMIT_CORE",     "RLIMIT_CPU",        "RLIMIT_DATA",   "RLIMIT_FSIZE", "RLIMIT_LOCKS",
    "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE",       "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS",
    "RLIMIT_RTPRIO",  "RLIMIT_RTTIME",   "RLIMIT_SIGPENDING", "RLIMIT_STACK"};

Result<void> check(const std::vector<Rlimit>& rlimits) {
  for (std::size_t i = 0; i < rlimits.size(); ++i) {
    const Rlimit& rlimit = rlimits[i];
    TRY(check_word(fmt::format("rlimits[{}].type", i), rlimit.type, kRlimits));
    if (rlimit.soft > rlimit.hard)
      return refuse(fmt::format("rlimits[{}].soft", i), "{} is above the hard limit {}", rlimit.soft,
                    rlimit.hard);
    if (std::ranges::count(std::span(rlimits).first(i), rlimit.type, &Rlimit::type) > 0)
      return refuse(fmt::format("rlimits[{}].type", i), "'{}' is there twice", rlimit.type);
  }
  return {};
}

// Only the form: which capabilities there are is up to the kernel, and unknown ones are no error.
Result<void> check(const Capabilities& capabilities) {
  const auto check_set = [](std::string_view set, const std::vector<std::string>& names) -> Result<void> {
    constexpr std::string_view kPrefix = "CAP_";
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string_view name = names[i];
      if (name.size() <= kPrefix.size() || !name.starts_with(kPrefix) ||
          !has_only(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"))
        return refuse(fmt::format("{}[{}]", set, i), "'{}' is not a capability such as 'CAP_KILL'",
                      printable(name));
    }
    return {};
  };
  TRY(check_set("bounding", capabilities.bounding));
  TRY(check_set("effective", capabilities.effective));
  TRY(check_set("inheritable", capabilities.inheritable));
  TRY(check_set("permitted", capabilities.permitted));
  return check_set("ambient", capabilities.ambient);
}

// sched_setattr(2)
Result<void> check(const Scheduler& scheduler) {
  constexpr std::string_view kPolicies[] = {"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR",      "SCHED_BATCH",
                                            "SCHED_ISO",   "SCHED_IDLE", "SCHED_DEADLINE"};
  constexpr std::string_view kFlags[] = {"SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM",
                                         "SCHED_FLAG_DL_OVERRUN",    "SCHED_FLAG_KEEP_POLICY",
                                         "SCHED_FLAG_KEEP_PARAMS",   "SCHED_FLAG_UTIL_CLAMP_MIN",
                                         "SCHED_FLAG_UTIL_CLAMP_MAX"};
  TRY(check_word("policy", scheduler.policy, kPolicies));
  TRY(check_words("flags", scheduler.flags, kFlags));
  TRY(check_range("nice", scheduler.nice, -20, 19));

  if (scheduler.policy == "SCHED_FIFO" || scheduler.policy == "SCHED_RR")
    TRY(check_range("priority", scheduler.priority, 1, 99));
  else if (scheduler.priority != 0)
    return refuse("priority", "only SCHED_FIFO and SCHED_RR have one, the policy is {}", scheduler.policy);

  if (scheduler.policy != "SCHED_DEADLINE") {
    if (scheduler.runtime != 0 || scheduler.deadline != 0 || scheduler.period != 0)
      return refuse("runtime", "only SCHED_DEADLINE has runtime, deadline and period, the policy is {}",
                    scheduler.policy);
    return {};
  }
  const std::uint64_t period = scheduler.period == 0 ? scheduler.deadline : scheduler.period;
  if (scheduler.runtime == 0 || scheduler.runtime > scheduler.deadline || scheduler.deadline > period)
    return refuse("runtime", "SCHED_DEADLINE needs 0 < runtime <= deadline <= period, not {}, {}, {}",
                  scheduler.runtime, scheduler.deadline, scheduler.period);
  return {};
}

// ioprio_set(2)
Result<void> check(const IoPriority& io) {
  constexpr std::string_view kClasses[] = {"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"};
  TRY(check_word("class", io.io_class, kClasses));
  return check_range("priority", io.priority, 0, 7);
}

Result<void> check_environment(const std::vector<std::string>& env) {
  for (std::size_t i = 0; i < env.size(); ++i) {
    const std::size_t equals = env[i].find('=');
    if (equals == std::string::npos || equals == 0)
      return refuse(fmt::format("env[{}]", i), "must be NAME=value, is '{}'", printable(env[i]));
  }
  return {};
}

Result<void> check(const Process& process) {
  TRY(check_absolute("cwd", process.cwd));
  if (process.args.empty()) return refuse("args", "must not be empty");
  if (process.args.front().empty()) return refuse("args[0]", "must not be empty");
  TRY(check_environment(process.env));
  if (const auto& size = process.console_size) {
    constexpr std::uint64_t kMost = 65535;  // struct winsize has 16 bits
    if (size->height > kMost || size->width > kMost)
      return refuse("consoleSize", "height and width are at most 65535");
  }
  if (process.user.umask) TRY(check_range("user.umask", *process.user.umask, 0, 0777));
  if (process.capabilities) TRY(within(check(*process.capabilities), "capabilities"));
  TRY(check(process.rlimits));
  if (process.oom_score_adj) TRY(check_range("oomScoreAdj", *process.oom_score_adj, -1000, 1000));
  if (process.scheduler) TRY(within(check(*process.scheduler), "scheduler"));
  if (process.io_priority) TRY(within(check(*process.io_priority), "ioPriority"));
  if (const auto& affinity = process.exec_cpu_affinity) {
    if (!affinity->initial.empty()) TRY(check_list("execCPUAffinity.initial", affinity->initial));
    if (!affinity->final.empty()) TRY(check_list("execCPUAffinity.final", affinity->final));
  }
  return {};
}

// ---- mounts, hooks, id maps

// user_namespaces(7), and map_write() in the kernel's user_namespace.c.
Result<void> check_id_map(std::string_view field, const std::vector<IdMapping>& map) {
  constexpr std::size_t kMaxEntries = 340;         // UID_GID_MAP_MAX_EXTENTS
  constexpr std::uint64_t kNoId = 0xffff'ffffULL;  // (uid_t)-1 is not an id, so nothing may reach it
  if (map.size() > kMaxEntries)
    return refuse(field, "has {} entries, the kernel takes {}", map.size(), kMaxEntries);
  const auto overlap = [](std::uint64_t a, std::uint64_t a_size, std::uint64_t b, std::uint64_t b_size) {
    return a < b + b_size && b < a + a_size;
  };
  for (std::size_t i = 0; i < map.size(); ++i) {
    const IdMapping& entry = map[i];
    const std::string place = fmt::format("{}[{}]", field, i);
    if (entry.size == 0) return refuse(place + ".size", "must not be 0");
    if (std::uint64_t{entry.container_id} + entry.size > kNoId)
      return refuse(place + ".containerID", "{} and {} ids from there pass the highest id",
                    entry.container_id, entry.size);
    if (std::uint64_t{entry.host_id} + entry.size > kNoId)
      return refuse(place + ".hostID", "{} and {} ids from there pass the highest id", entry.host_id,
                    entry.size);
    for (std::size_t j = 0; j < i; ++j) {
      if (overlap(entry.container_id, entry.size, map[j].container_id, map[j].size))
        return refuse(place + ".containerID", "overlaps entry {}", j);
      if (overlap(entry.host_id, entry.size, map[j].host_id, map[j].size))
        return refuse(place + ".hostID", "overlaps entry {}", j);
    }
  }
  return {};
}

Result<void> check(const Mount& mount) {
  if (mount.destination.empty()) return refuse("destination", "must not be empty");
  TRY(check_id_map("uidMappings", mount.uid_mappings));
  TRY(check_id_map("gidMappings", mount.gid_mappings));
  if (mount.uid_mappings.empty() != mount.gid_mappings.empty())
    return refuse(mount.uid_mappings.empty() ? "uidMappings" : "gidMappings",
                  "uidMappings and gidMappings need each other");
  return {};
}

Result<void> check(const Hook& hook) {
  TRY(check_absolute("path", hook.path));
  if (hook.timeout) TRY(check_range("timeout", *hook.timeout, 1, std::numeric_limits<std::int32_t>::max()));
  return {};
}

Result<void> check(const Hooks& hooks) {
  TRY(check_each("prestart", hooks.prestart));
  TRY(check_each("createRuntime", hooks.create_runtime));
  TRY(check_each("createContainer", hooks.create_container));
  TRY(check_each("startContainer", hooks.start_container));
  TRY(check_each("poststart", hooks.poststart));
  return check_each("poststop", hooks.poststop);
}

// ---- linux.resources

// Numbers beyond these do not fit the kernel's dev_t: makedev(3) would cut them to another device's.
constexpr std::int64_t kMaxMajor = (1 << 12) - 1;
constexpr std::int64_t kMaxMinor = (1 << 20) - 1;

Result<void> check(const DeviceRule& rule) {
  constexpr std::string_view kTypes[] = {"a", "b", "c"};
  constexpr std::int64_t kAny = -1;
  if (!rule.type.empty()) TRY(check_word("type", rule.type, kTypes));
  TRY(check_range("major", rule.major.value_or(kAny), kAny, kMaxMajor));
  TRY(check_range("minor", rule.minor.value_or(kAny), kAny, kMaxMinor));
  if (!has_only(rule.access, "rwm"))
    return refuse("access", "must be of 'rwm', is '{}'", printable(rule.access));
  return {};
}

Result<void> check(const MemoryResources& memory) {
  constexpr std::int64_t kUnlimited = -1;
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  TRY(check_range("limit", memory.limit.value_or(0), kUnlimited, kMax));
  TRY(check_range("reservation", memory.reservation.value_or(0), kUnlimited, kMax));
  TRY(check_range("swap", memory.swap.value_or(0), kUnlimited, kMax));
  TRY(check_range("kernel", memory.kernel.value_or(0), kUnlimited, kMax));
  TRY(check_range("kernelTCP", memory.kernel_tcp.value_or(0), kUnlimited, kMax));
  if (memory.swappiness.value_or(0) > 100)
    return refuse("swappiness", "must be from 0 to 100, is {}", *memory.swappiness);
  if (memory.swap.value_or(0) > 0 && memory.limit.value_or(0) > *memory.swap)
    return refuse("swap", "{} is memory and swap together and must not be below limit, {}", *memory.swap,
                  *memory.limit);
  return {};
}

Result<void> check(const CpuResources& cpu) {
  if (const std::int64_t quota = cpu.quota.value_or(0);
      quota > 0 && cpu.burst.value_or(0) > static_cast<std::uint64_t>(quota))
    return refuse("burst", "{} is above quota, {}", *cpu.burst, quota);
  if (!cpu.cpus.empty()) TRY(check_list("cpus", cpu.cpus));
  if (!cpu.mems.empty()) TRY(check_list("mems", cpu.mems));
  return check_range("idle", cpu.idle.value_or(0), 0, 1);
}

Result<void> check_block_device(std::int64_t major, std::int64_t minor) {
  TRY(check_range("major", major, 0, kMaxMajor));
  return check_range("minor", minor, 0, kMaxMinor);
}

Result<void> check(const ThrottleDevice& device) { return check_block_device(device.major, device.minor); }

Result<void> check(const WeightDevice& device) {
  TRY(check_block_device(device.major, device.minor));
  if (!device.weight && !device.leaf_weight) return refuse("weight", "weight or leafWeight is required");
  return {};
}

Result<void> check(const BlockIoResources& io) {
  TRY(check_each("weightDevice", io.weight_device));
  TRY(check_each("throttleReadBpsDevice", io.throttle_read_bps_device));
  TRY(check_each("throttleWriteBpsDevice", io.throttle_write_bps_device));
  TRY(check_each("throttleReadIOPSDevice", io.throttle_read_iops_device));
  return check_each("throttleWriteIOPSDevice", io.throttle_write_iops_device);
}

// It becomes part of a file name: "hugetlb.2MB.max".
Result<void> check(const HugepageLimit& hugepages) {
  constexpr std::string_view kDigits = "0123456789";
  const std::string_view size = hugepages.page_size;
  const std::size_t digits = std::min(size.find_first_not_of(kDigits), size.size());
  const std::string_view unit = size.substr(digits);
  if (digits > 0 && size.front() != '0' && (unit == "KB" || unit == "MB" || unit == "GB")) return {};
  return refuse("pageSize", "must be a size such as '2MB', is '{}'", printable(size));
}

Result<void> check(const InterfacePriority& interface) {
  return check_interface_name("name", interface.name);
}

Result<void> check(const Resources& resources) {
  TRY(check_each("devices", resources.devices));
  if (resources.memory) TRY(within(check(*resources.memory), "memory"));
  if (resources.cpu) TRY(within(check(*resources.cpu), "cpu"));
  if (resources.block_io) TRY(within(check(*resources.block_io), "blockIO"));
  TRY(check_each("hugepageLimits", resources.hugepage_limits));
  if (resources.network) TRY(within(check_each("priorities", resources.network->priorities), "network"));
  for (const auto& [device, limits] : resources.rdma) {
    // They are written as one line of words: "mlx5_1 hca_handle=3".
    if (device.empty() || device.find_first_of(" \t\n=") != std::string::npos)
      return refuse("rdma", "'{}' is not the name of a device", printable(device));
    if (!limits.hca_handles && !limits.hca_objects)
      return refuse(fmt::format("rdma['{}']", printable(device)), "hcaHandles or hcaObjects is required");
  }
  for (const auto& [file, value] : resources.unified) {
    // "memory.high": a controller or the core, a dot, the rest; never a way to another directory.
    if (file.find('/') != std::string::npos || file.find('.') == std::string::npos || file.starts_with('.'))
      return refuse("unified", "'{}' is not the name of a cgroup file", printable(file));
  }
  return {};
}

// ---- linux

Result<void> check(const Device& device) {
  constexpr std::string_view kTypes[] = {"c", "b", "u", "p"};
  TRY(check_word("type", device.type, kTypes));
  TRY(check_absolute("path", device.path));
  if (device.path.ends_with('/')) return refuse("path", "'{}' names a directory", printable(device.path));
  if (device.type != "p") {
    TRY(check_range("major", device.major, 0, kMaxMajor));
    TRY(check_range("minor", device.minor, 0, kMaxMinor));
  }
  if (device.file_mode) {
    const std::uint32_t type = device.type == "p" ? S_IFIFO : device.type == "b" ? S_IFBLK : S_IFCHR;
    const std::uint32_t given = *device.file_mode & ~std::uint32_t{07777};
    if (given != 0 && given != type)
      return refuse("fileMode", "{} has more than permission bits and the type's", *device.file_mode);
  }
  return {};
}

Result<void> check_net_devices(const std::map<std::string, NetDevice>& devices) {
  std::vector<std::string_view> inside;
  for (const auto& [name, device] : devices) {
    const std::string_view name_inside = device.name.empty() ? name : device.name;
    TRY(check_interface_name("netDevices", name));
    TRY(check_interface_name(fmt::format("netDevices['{}'].name", name), name_inside));
    if (std::ranges::find(inside, name_inside) != inside.end())
      return refuse(fmt::format("netDevices['{}'].name", name), "'{}' is there twice", name_inside);
    inside.push_back(name_inside);
  }
  return {};
}

bool supports_errno(std::string_view action) {
  return action == "SCMP_ACT_ERRNO" || action == "SCMP_ACT_TRACE";
}

constexpr std::string_view kNotify = "SCMP_ACT_NOTIFY";

Result<void> check(const SyscallArg& arg) {
  TRY(check_range("index", arg.index, 0, 5));
  return check_word("op", arg.op, kSeccompOperators);
}

Result<void> check(const Syscall& syscall) {
  if (syscall.names.empty()) return refuse("names", "must not be empty");
  for (std::size_t i = 0; i < syscall.names.size(); ++i)
    if (syscall.names[i].empty()) return refuse(fmt::format("names[{}]", i), "must not be empty");
  TRY(check_word("action", syscall.action, kSeccompActions));
  if (syscall.errno_ret && !supports_errno(syscall.action))
    return refuse("errnoRet", "{} returns none", syscall.action);
  return check_each("args", syscall.args);
}

Result<void> check(const Seccomp& seccomp) {
  TRY(check_word("defaultAction", seccomp.default_action, kSeccompActions));
  // The runtime's own calls would wait for a listener that it has not handed over yet.
  if (seccomp.default_action == kNotify) return refuse("defaultAction", "cannot be {}", kNotify);
  if (seccomp.default_errno_ret && !supports_errno(seccomp.default_action))
    return refuse("defaultErrnoRet", "{} returns none", seccomp.default_action);
  TRY(check_words("architectures", seccomp.architectures, kSeccompArchitectures));
  if (seccomp.flags) TRY(check_words("flags", *seccomp.flags, kSeccompFlags));
  TRY(check_each("syscalls", seccomp.syscalls));
  if (!seccomp.listener_path.empty()) return {};
  if (!seccomp.listener_metadata.empty()) return refuse("listenerMetadata", "needs listenerPath");
  const auto notifies = std::ranges::find(seccomp.syscalls, kNotify, &Syscall::action);
  if (notifies == seccomp.syscalls.end()) return {};
  return refuse(fmt::format("syscalls[{}].action", notifies - seccomp.syscalls.begin()),
                "{} needs listenerPath", kNotify);
}

Result<void> check(const IntelRdt& rdt) {
  if (rdt.clos_id == "." || rdt.clos_id == ".." || rdt.clos_id.find('/') != std::string::npos)
    return refuse("closID", "must be a file name, is '{}'", printable(rdt.clos_id));
  const auto is_line = [](std::string_view text) { return text.find('\n') == std::string_view::npos; };
  if (!rdt.mem_bw_schema.empty() && (!rdt.mem_bw_schema.starts_with("MB:") || !is_line(rdt.mem_bw_schema)))
    return refuse("memBwSchema", "must be a line that starts with 'MB:', is '{}'",
                  printable(rdt.mem_bw_schema));
  for (std::size_t i = 0; i < rdt.schemata.size(); ++i)
    if (!is_line(rdt.schemata[i])) return refuse(fmt::format("schemata[{}]", i), "must be one line");
  return {};
}

// set_mempolicy(2)
Result<void> check(const MemoryPolicy& policy) {
  constexpr std::string_view kStatic = "MPOL_F_STATIC_NODES";
  constexpr std::string_view kRelative = "MPOL_F_RELATIVE_NODES";
  TRY(check_word("mode", policy.mode, kMemoryPolicyModes));
  TRY(check_words("flags", policy.flags, kMemoryPolicyFlags));
  const auto has = [&](std::string_view flag) {
    return std::ranges::find(policy.flags, flag) != policy.flags.end();
  };
  if (has(kStatic) && has(kRelative))
    return refuse("flags", "{} and {} exclude each other", kStatic, kRelative);

  if (policy.mode == "MPOL_DEFAULT" || policy.mode == "MPOL_LOCAL") {
    if (!policy.nodes.empty()) return refuse("nodes", "{} takes none", policy.mode);
    return {};
  }
  // Without nodes MPOL_PREFERRED means the local one.
  if (policy.nodes.empty() && policy.mode == "MPOL_PREFERRED") return {};
  return check_list("nodes", policy.nodes);
}

Result<void> check(const Personality& personality) {
  constexpr std::string_view kDomains[] = {"LINUX", "LINUX32"};
  TRY(check_word("domain", personality.domain, kDomains));
  if (!personality.flags.empty()) return refuse("flags", "the specification has none yet");
  return {};
}

Result<void> check_namespaces(const std::vector<Namespace>& namespaces) {
  for (std::size_t i = 0; i < namespaces.size(); ++i) {
    const Namespace& ns = namespaces[i];
    if (!ns.path.empty()) TRY(check_absolute(fmt::format("namespaces[{}].path", i), ns.path));
    if (std::ranges::count(std::span(namespaces).first(i), ns.type, &Namespace::type) > 0)
      return refuse(fmt::format("namespaces[{}].type", i), "'{}' is there twice", name_of(ns.type));
  }
  return {};
}

// /proc/sys has one tree for the whole host and for each namespace: only what surely belongs to a namespace
// of the container may be set. The same names as runc takes. That a joined network namespace is not the
// host's is for the runtime to see.
Result<void> check_sysctl(const Spec& spec, const std::string& name) {
  constexpr std::string_view kIpc[] = {"kernel/msgmax", "kernel/msgmnb",         "kernel/msgmni",
                                       "kernel/sem",    "kernel/shmall",         "kernel/shmmax",
                                       "kernel/shmmni", "kernel/shm_rmid_forced"};
  const std::string field = fmt::format("sysctl['{}']", printable(name));
  const std::string path = sysctl_path(name);
  if (!all_components(path,
                      [](std::string_view part) { return !part.empty() && part != "." && part != ".."; }))
    return refuse(field, "is not the name of a kernel parameter");

  const auto require = [&](NamespaceType type) -> Result<void> {
    if (spec.find_namespace(type)) return {};
    return refuse(field, "needs a namespace of type '{}'", name_of(type));
  };
  if (std::ranges::find(kIpc, path) != std::end(kIpc) || path.starts_with("fs/mqueue/"))
    return require(NamespaceType::Ipc);
  if (path.starts_with("net/")) return require(NamespaceType::Network);
  if (path == "kernel/domainname") return require(NamespaceType::Uts);
  if (path == "kernel/hostname") return refuse(field, "is set by the field 'hostname'");
  return refuse(field, "does not belong to a namespace");
}

Result<void> check_time_offsets(const Spec& spec) {
  constexpr std::string_view kClocks[] = {"boottime", "monotonic"};  // time_namespaces(7)
  const auto& offsets = spec.linux_.time_offsets;
  if (offsets.empty()) return {};
  const Namespace* const time = spec.find_namespace(NamespaceType::Time);
  if (time == nullptr || !time->path.empty())
    return refuse("timeOffsets", "needs a new namespace of type 'time'");
  for (const auto& [clock, offset] : offsets) {
    TRY(check_word("timeOffsets", clock, kClocks));
    TRY(check_range(fmt::format("timeOffsets['{}'].nanosecs", clock), offset.nanosecs, 0, 999'999'999));
  }
  return {};
}

// Maps beside a path are let through: engines give those of the namespace to join.
Result<void> check_user_namespace(const Spec& spec) {
  const Linux& linux_ = spec.linux_;
  TRY(check_id_map("uidMappings", linux_.uid_mappings));
  TRY(check_id_map("gidMappings", linux_.gid_mappings));
  const Namespace* const user = spec.find_namespace(NamespaceType::User);
  if (user == nullptr) {
    if (linux_.uid_mappings.empty() && linux_.gid_mappings.empty()) return {};
    return refuse(linux_.uid_mappings.empty() ? "gidMappings" : "uidMappings",
                  "needs a namespace of type 'user'");
  }
  if (!user->path.empty()) return {};
  if (linux_.uid_mappings.empty()) return refuse("uidMappings", "a new namespace of type 'user' needs it");
  if (linux_.gid_mappings.empty()) return refuse("gidMappings", "a new namespace of type 'user' needs it");
  return {};
}

Result<void> check_linux(const Spec& spec) {
  constexpr std::string_view kPropagation[] = {"private", "rprivate", "shared",     "rshared",
                                               "slave",   "rslave",   "unbindable", "runbindable"};
  const Linux& linux_ = spec.linux_;
  TRY(check_namespaces(linux_.namespaces));
  TRY(check_user_namespace(spec));
  TRY(check_time_offsets(spec));
  for (const auto& [name, value] : linux_.sysctl) TRY(check_sysctl(spec, name));
  if (!all_components(linux_.cgroups_path, [](std::string_view part) { return part != ".."; }))
    return refuse("cgroupsPath", "must not contain '..', is '{}'", printable(linux_.cgroups_path));
  if (linux_.resources) TRY(within(check(*linux_.resources), "resources"));
  TRY(check_each("devices", linux_.devices));
  TRY(check_net_devices(linux_.net_devices));
  if (!linux_.net_devices.empty() && !spec.find_namespace(NamespaceType::Network))
    return refuse("netDevices", "needs a namespace of type 'network'");
  if (linux_.seccomp) TRY(within(check(*linux_.seccomp), "seccomp"));
  if (!linux_.rootfs_propagation.empty())
    TRY(check_word("rootfsPropagation", linux_.rootfs_propagation, kPropagation));
  TRY(check_all_absolute("maskedPaths", linux_.masked_paths));
  TRY(check_all_absolute("readonlyPaths", linux_.readonly_paths));
  if (!spec.find_namespace(NamespaceType::Mount)) {
    if (!linux_.masked_paths.empty()) return refuse("maskedPaths", "needs a namespace of type 'mount'");
    if (!linux_.readonly_paths.empty()) return refuse("readonlyPaths", "needs a namespace of type 'mount'");
  }
  if (linux_.intel_rdt) TRY(within(check(*linux_.intel_rdt), "intelRdt"));
  if (linux_.memory_policy) TRY(within(check(*linux_.memory_policy), "memoryPolicy"));
  if (linux_.personality) TRY(within(check(*linux_.personality), "personality"));
  return {};
}

Result<void> check_uts_name(const Spec& spec, std::string_view field, std::string_view name) {
  constexpr std::size_t kMaxLength = 64;  // __NEW_UTS_LEN
  if (name.empty()) return {};
  if (name.size() > kMaxLength)
    return refuse(field, "has {} bytes, the kernel takes {}", name.size(), kMaxLength);
  if (!spec.find_namespace(NamespaceType::Uts)) return refuse(field, "needs a namespace of type 'uts'");
  return {};
}

}  // namespace

std::string sysctl_path(std::string_view name) {
  std::string path(name);
  const std::size_t separator = path.find_first_of("./");
  if (separator == std::string::npos || path[separator] == '/') return path;
  for (char& c : path) {
    if (c == '.')
      c = '/';
    else if (c == '/')
      c = '.';
  }
  return path;
}

Result<void> validate(const Process& process) { return within(check(process), "process"); }

Result<void> validate(const Resources& resources) { return within(check(resources), "linux.resources"); }

Result<void> validate(const Spec& spec) {
  TRY(check_version(spec.oci_version));
  if (!spec.process) return Error(Code::InvalidArgument, 0, "process: is required");
  TRY(validate(*spec.process));
  if (spec.root.path.empty()) return refuse("root.path", "must not be empty");
  TRY(check_uts_name(spec, "hostname", spec.hostname));
  TRY(check_uts_name(spec, "domainname", spec.domainname));
  TRY(check_each("mounts", spec.mounts));
  TRY(within(check(spec.hooks), "hooks"));
  if (spec.annotations.contains("")) return refuse("annotations", "a key must not be empty");
  return within(check_linux(spec), "linux");
}

}  // namespace gantry::oci
