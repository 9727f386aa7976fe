// SPDX-License-Identifier: Apache-2.0
#include "runtime/systemd_scope.h"

#include <charconv>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "base/number_list.h"
#include "kernel/device_list.h"

namespace gantry::runtime {
namespace {

using dbus::Encoder;
using dbus::Message;
using dbus::Property;
using kernel::CgroupMode;

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kObject = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr std::uint64_t kInfinity = std::numeric_limits<std::uint64_t>::max();

// -1, "unlimited" in config.json, is systemd's infinity as it is.
std::uint64_t bytes_of(std::int64_t limit) { return static_cast<std::uint64_t>(limit); }

template <class T>
bool is_set(const std::optional<T>& value) {
  return value.has_value() && *value != 0;
}

Result<std::uint64_t> parse_limit(std::string_view key, std::string_view text) {
  if (text == "max") return kInfinity;
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size())
    return error(Code::InvalidArgument, "linux.resources.unified['{}']: '{}' is neither a number nor 'max'",
                 key, text);
  return value;
}

void add_cpu_quota(std::vector<Property>& properties, std::int64_t quota, std::uint64_t period) {
  if (period != 0) properties.push_back({"CPUQuotaPeriodUSec", period});
  if (quota == 0 && period == 0) return;
  constexpr std::uint64_t kDefaultPeriod = 100'000, kSecond = 1'000'000, kPercent = 10'000;  // microseconds
  std::uint64_t per_second = kInfinity;
  if (quota > 0) {
    per_second = static_cast<std::uint64_t>(quota) * kSecond / (period != 0 ? period : kDefaultPeriod);
    // systemd counts in whole percents; rounded down, groups below could not have what they were promised.
    per_second = (per_second + kPercent - 1) / kPercent * kPercent;
  }
  properties.push_back({"CPUQuotaPerSecUSec", per_second});
}

Result<void> add_devices(std::vector<Property>& properties, const oci::Resources& resources) {
  kernel::DeviceList list;
  for (const kernel::DeviceRule& rule : TRY(limits::device_rules(resources))) TRY(list.apply(rule));
  dbus::StringPairs allowed;
  for (const kernel::DeviceRule& rule : kernel::DeviceList().steps_to(list)) {
    if (rule.type == kernel::DeviceType::All) continue;
    const bool is_block = rule.type == kernel::DeviceType::Block;
    if (!rule.major && rule.minor) continue;  // systemd has no words for it; our own filter has
    std::string device;
    if (!rule.major)
      device = is_block ? "block-*" : "char-*";
    else if (!rule.minor)
      device = fmt::format("{}-{}", is_block ? "block" : "char", *rule.major);
    else
      device = fmt::format("/dev/{}/{}:{}", is_block ? "block" : "char", *rule.major, *rule.minor);
    const std::string text = to_text(rule);
    allowed.emplace_back(std::move(device), text.substr(text.rfind(' ') + 1));
  }
  // "All but some" cannot be said to systemd: it lets everything pass, and the container's own filter, which
  // has to agree, says no.
  const bool allows_all = list.allows_by_default();
  properties.push_back({"DevicePolicy", std::string(allows_all ? "auto" : "strict")});
  properties.push_back({"DeviceAllow", dbus::StringPairs()});  // empties the list
  if (!allows_all) properties.push_back({"DeviceAllow", std::move(allowed)});
  return {};
}

Result<void> add_memory(std::vector<Property>& properties, const oci::MemoryResources& memory, bool v2) {
  if (is_set(memory.limit)) properties.push_back({v2 ? "MemoryMax" : "MemoryLimit", bytes_of(*memory.limit)});
  if (!v2) return {};
  if (is_set(memory.reservation)) properties.push_back({"MemoryLow", bytes_of(*memory.reservation)});
  const std::string swap = TRY_DURING(limits::swap_max_of(memory), "linux.resources.memory.swap");
  if (!swap.empty()) properties.emplace_back("MemorySwapMax", TRY(parse_limit("memory.swap.max", swap)));
  return {};
}

Result<void> add_unified(std::vector<Property>& properties, const oci::StringMap& unified) {
  constexpr std::pair<std::string_view, const char*> kNames[] = {
      {"memory.high", "MemoryHigh"}, {"memory.low", "MemoryLow"},          {"memory.max", "MemoryMax"},
      {"memory.min", "MemoryMin"},   {"memory.swap.max", "MemorySwapMax"}, {"pids.max", "TasksMax"},
      {"cpu.weight", "CPUWeight"},
  };
  // What systemd has no word for is written into the group all the same.
  for (const auto& [key, value] : unified) {
    for (const auto& [file, name] : kNames)
      if (key == file) properties.emplace_back(name, TRY(parse_limit(key, value)));
    if (key == "cpuset.cpus") properties.emplace_back("AllowedCPUs", TRY(cpu_mask(value)));
    if (key == "cpuset.mems") properties.emplace_back("AllowedMemoryNodes", TRY(cpu_mask(value)));
    if (key == "cpu.max") {
      const std::size_t space = value.find(' ');
      const std::uint64_t quota = TRY(parse_limit(key, std::string_view(value).substr(0, space)));
      const std::uint64_t period =
          space == std::string::npos ? 0 : TRY(parse_limit(key, std::string_view(value).substr(space + 1)));
      add_cpu_quota(properties, quota == kInfinity ? -1 : static_cast<std::int64_t>(quota), period);
    }
  }
  return {};
}

}  // namespace

Result<ScopeName> scope_name(std::string_view cgroups_path, std::string_view id, bool rootless) {
  const char* kDefaultSlice = rootless ? "user.slice" : "system.slice";
  // "runc" and not our own name: engines look for their containers under it.
  if (cgroups_path.empty()) return ScopeName{kDefaultSlice, fmt::format("runc-{}.scope", id)};
  const std::size_t first = cgroups_path.find(':');
  const std::size_t second = cgroups_path.find(':', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos ||
      cgroups_path.find(':', second + 1) != std::string_view::npos ||
      cgroups_path.find('/') != std::string_view::npos)
    return error(Code::InvalidArgument,
                 "linux.cgroupsPath: '{}' is not 'slice:prefix:name', which --systemd-cgroup takes",
                 cgroups_path);
  const std::string_view slice = cgroups_path.substr(0, first);
  const std::string_view prefix = cgroups_path.substr(first + 1, second - first - 1);
  const std::string_view name = cgroups_path.substr(second + 1);
  if (name.empty()) return error(Code::InvalidArgument, "linux.cgroupsPath: '{}' has no name", cgroups_path);
  ScopeName scope;
  scope.slice = slice.empty() ? kDefaultSlice : slice;
  scope.unit = name.ends_with(".slice") ? std::string(name) : fmt::format("{}-{}.scope", prefix, name);
  (void)TRY_DURING(slice_path(scope.slice), "linux.cgroupsPath");
  return scope;
}

Result<std::string> slice_path(std::string_view slice) {
  constexpr std::string_view kSuffix = ".slice";
  const auto bad = [&] { return error(Code::InvalidArgument, "'{}' is not the name of a slice", slice); };
  if (slice.size() <= kSuffix.size() || !slice.ends_with(kSuffix) ||
      slice.find('/') != std::string_view::npos)
    return bad();
  const std::string_view name = slice.substr(0, slice.size() - kSuffix.size());
  std::string path;
  if (name == "-") return path;
  // Each dash is a level: a-b.slice lies in a.slice.
  for (std::size_t dash = 0; dash != std::string_view::npos;) {
    const std::size_t start = dash == 0 ? 0 : dash + 1;
    dash = name.find('-', start);
    const std::string_view level = name.substr(0, dash);
    if (level.size() == start) return bad();  // two dashes in a row, or one at either end
    path.append("/").append(level).append(kSuffix);
  }
  return path;
}

Result<std::vector<std::uint8_t>> cpu_mask(std::string_view list) {
  return as_bit_mask<std::uint8_t>(TRY(parse_number_list(list)));
}

Result<std::vector<Property>> unit_properties(const oci::Resources& resources, CgroupMode mode,
                                              limits::Purpose purpose) {
  const bool v2 = mode == CgroupMode::V2;
  std::vector<Property> properties;
  if (purpose == limits::Purpose::Create || !resources.devices.empty())
    TRY(add_devices(properties, resources));
  if (resources.memory) TRY(add_memory(properties, *resources.memory, v2));
  if (resources.cpu) {
    const oci::CpuResources& cpu = *resources.cpu;
    if (v2 && cpu.idle == 1)
      properties.push_back({"CPUWeight", std::uint64_t{0}});  // systemd's way to say idle, since 252
    else if (is_set(cpu.shares))
      properties.push_back(
          {v2 ? "CPUWeight" : "CPUShares", v2 ? limits::cpu_weight_of(*cpu.shares) : *cpu.shares});
    add_cpu_quota(properties, cpu.quota.value_or(0), cpu.period.value_or(0));
    if (!cpu.cpus.empty())
      properties.emplace_back("AllowedCPUs", TRY_DURING(cpu_mask(cpu.cpus), "linux.resources.cpu.cpus"));
    if (!cpu.mems.empty())
      properties.emplace_back("AllowedMemoryNodes",
                              TRY_DURING(cpu_mask(cpu.mems), "linux.resources.cpu.mems"));
  }
  if (resources.pids)
    properties.push_back({"TasksMax", resources.pids->limit > 0
                                          ? static_cast<std::uint64_t>(resources.pids->limit)
                                          : kInfinity});
  if (!v2 && resources.block_io && is_set(resources.block_io->weight))
    properties.push_back({"BlockIOWeight", std::uint64_t{*resources.block_io->weight}});
  if (v2) TRY(add_unified(properties, resources.unified));
  return properties;
}

Result<Systemd> Systemd::connect(bool rootless) {
  const auto connected = [&](dbus::Connection bus) { return Systemd(std::move(bus), rootless); };
  if (rootless) {
    std::string path;
    if (const char* address = std::getenv("DBUS_SESSION_BUS_ADDRESS"); address != nullptr && *address != '\0')
      path = TRY_DURING(dbus::socket_of_address(address), "$DBUS_SESSION_BUS_ADDRESS");
    else if (const char* directory = std::getenv("XDG_RUNTIME_DIR"); directory != nullptr)
      path = std::string(directory) + "/bus";
    else
      return error(
          Code::Unavailable,
          "--systemd-cgroup: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR says where the user's "
          "systemd is");
    return connected(TRY_DURING(dbus::Connection::open(path, dbus::Peer::Bus), "reach the user's systemd"));
  }
  // Without the bus in between it is two processes less to wake, and it works when no bus runs.
  if (auto direct = dbus::Connection::open("/run/systemd/private", dbus::Peer::Direct))
    return connected(std::move(*direct));
  return connected(TRY_DURING(dbus::Connection::open("/run/dbus/system_bus_socket", dbus::Peer::Bus),
                              "--systemd-cgroup: reach systemd"));
}

Result<Message> Systemd::call(std::string_view member, std::string_view signature, Encoder body) {
  return bus_.call({.path = kObject,
                    .interface = kManager,
                    .member = std::string(member),
                    .destination = kService,
                    .signature = std::string(signature),
                    .body = std::move(body).text()});
}

// On a bus, signals go to who asked for them; systemd's own socket gets them all.
Result<void> Systemd::follow_jobs() {
  if (follows_jobs_ || bus_.peer() == dbus::Peer::Direct) return {};
  Encoder rule;
  rule.string(fmt::format("type='signal',sender='{}',path='{}',interface='{}',member='JobRemoved'", kService,
                          kObject, kManager));
  (void)TRY(bus_.call({.path = "/org/freedesktop/DBus",
                       .interface = "org.freedesktop.DBus",
                       .member = "AddMatch",
                       .destination = "org.freedesktop.DBus",
                       .signature = "s",
                       .body = std::move(rule).text()}));
  (void)TRY(call("Subscribe", "", {}));
  follows_jobs_ = true;
  return {};
}

// "done", "failed", "canceled", "timeout", "dependency" or "skipped".
Result<std::string> Systemd::wait_for_job(const Message& started) {
  const std::string job = TRY(dbus::Decoder(started.body).string());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    const Message removed = TRY(bus_.wait_for_signal(kManager, "JobRemoved", deadline));
    dbus::Decoder body(removed.body);
    (void)TRY(body.uint32());
    const std::string path = TRY(body.string());
    (void)TRY(body.string());  // the unit
    std::string result = TRY(body.string());
    if (path == job) return result;
  }
}

Result<std::string> Systemd::group_path(const ScopeName& name) {
  std::string path = TRY(slice_path(name.slice));
  if (rootless_) {
    Encoder body;
    body.string(kManager).string("ControlGroup");
    const Message reply = TRY_DURING(bus_.call({.path = kObject,
                                                .interface = "org.freedesktop.DBus.Properties",
                                                .member = "Get",
                                                .destination = kService,
                                                .signature = "ss",
                                                .body = std::move(body).text()}),
                                     "ask systemd for its control group");
    dbus::Decoder decoder(reply.body);
    if (TRY(decoder.signature()) != "s") return error(Code::DataLoss, "systemd's control group is no string");
    path.insert(0, TRY(decoder.string()));
  }
  return path + '/' + name.unit;
}

Result<void> Systemd::start_scope(const ScopeName& name, pid_t pid, CgroupMode mode,
                                  std::vector<Property> properties) {
  const bool is_slice = name.unit.ends_with(".slice");
  std::vector<Property> all = {{"Description", fmt::format("container {}", name.unit)}};
  all.reserve(properties.size() + 10);
  if (!is_slice) {
    all.push_back({"Slice", name.slice});
    all.push_back({"Delegate", true});
    all.push_back({"PIDs", std::vector<std::uint32_t>{static_cast<std::uint32_t>(pid)}});
  }
  for (const char* accounting :
       {"MemoryAccounting", "CPUAccounting", mode == CgroupMode::V2 ? "IOAccounting" : "BlockIOAccounting",
        "TasksAccounting"})
    all.push_back({accounting, true});
  all.push_back({"DefaultDependencies", false});
  for (Property& property : properties) all.push_back(std::move(property));

  TRY_DURING(follow_jobs(), "start unit '{}'", name.unit);
  const auto start = [&] {
    Encoder body;
    body.string(name.unit).string("replace").properties(all);
    const std::size_t no_other_units = body.begin_array(8);
    body.end_array(no_other_units, 8);
    return call("StartTransientUnit", "ssa(sv)a(sa(sv))", std::move(body));
  };
  auto started = start();
  if (!started && started.error().code() == Code::AlreadyExists) {
    // Perhaps one that has failed and only waits to be forgotten.
    Encoder unit;
    unit.string(name.unit);
    (void)call("ResetFailedUnit", "s", std::move(unit));
    started = start();
  }
  const Message reply = TRY_DURING(std::move(started), "start unit '{}'", name.unit);
  const std::string result = TRY_DURING(wait_for_job(reply), "start unit '{}'", name.unit);
  if (result != "done") return error(Code::Internal, "start unit '{}': systemd says '{}'", name.unit, result);
  return {};
}

Result<void> Systemd::set_properties(const std::string& unit, const std::vector<Property>& properties) {
  Encoder body;
  body.string(unit).boolean(true /* until the unit ends */).properties(properties);
  (void)TRY_DURING(call("SetUnitProperties", "sba(sv)", std::move(body)), "change unit '{}'", unit);
  // The answer comes before the group's files are written, which is the first thing systemd does before it
  // listens again. What the caller writes there has to come later: systemd rounds some of it.
  (void)TRY(bus_.call({.path = kObject,
                       .interface = "org.freedesktop.DBus.Peer",
                       .member = "Ping",
                       .destination = kService}));
  return {};
}

Result<void> Systemd::stop(const std::string& unit) {
  TRY_DURING(follow_jobs(), "stop unit '{}'", unit);
  Encoder body;
  body.string(unit).string("replace");
  auto stopped = call("StopUnit", "ss", std::move(body));
  if (!stopped && stopped.error().code() == Code::NotFound) return {};
  const Message reply = TRY_DURING(std::move(stopped), "stop unit '{}'", unit);
  (void)TRY_DURING(wait_for_job(reply), "stop unit '{}'", unit);
  Encoder failed;
  failed.string(unit);
  (void)call("ResetFailedUnit", "s", std::move(failed));  // an error says that it has not failed
  return {};
}

}  // namespace gantry::runtime
