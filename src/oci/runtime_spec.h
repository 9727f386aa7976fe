// SPDX-License-Identifier: Apache-2.0
//
// config.json of the OCI runtime specification (1.0 to 1.3) as plain structs:
// the specification's words, nothing else. Decoding checks types and required
// fields; validate() checks what the specification says about values. Neither
// touches the system, so both can be fuzzed anywhere.
//
//   Spec spec = TRY(parse_spec(text));          // decoded and validated
//   Process process = TRY(parse_process(text)); // for exec
//
// Schema: https://github.com/opencontainers/runtime-spec/tree/main/schema
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace gantry::json {
class Fields;
}

namespace gantry::oci {

enum class NamespaceType : std::uint8_t { Mount, Pid, Network, Uts, Ipc, User, Cgroup, Time };
// The specification's words for them, in that order.
constexpr std::array<std::string_view, 8> names_of(NamespaceType) {
  return {"mount", "pid", "network", "uts", "ipc", "user", "cgroup", "time"};
}
constexpr std::string_view name_of(NamespaceType type) {
  return names_of(type)[static_cast<std::size_t>(type)];
}

using StringMap = std::map<std::string, std::string>;

struct ConsoleSize {
  std::uint64_t height = 0;
  std::uint64_t width = 0;
};

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::optional<std::uint32_t> umask;
  std::vector<std::uint32_t> additional_gids;
  std::string username;
};

// Names such as "CAP_KILL"; unknown ones are kept, the runtime warns about them.
struct Capabilities {
  std::vector<std::string> bounding;
  std::vector<std::string> permitted;
  std::vector<std::string> effective;
  std::vector<std::string> inheritable;
  std::vector<std::string> ambient;
};

struct Rlimit {
  std::string type;  // "RLIMIT_NOFILE"
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

struct IoPriority {
  std::string io_class;  // key "class": "IOPRIO_CLASS_BE"
  std::int32_t priority = 0;
};

struct Scheduler {
  std::string policy;  // "SCHED_BATCH"
  std::int32_t nice = 0;
  std::int32_t priority = 0;
  std::vector<std::string> flags;
  std::uint64_t runtime = 0;  // nanoseconds, as the next two
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

struct ExecCpuAffinity {
  std::string initial;  // a CPU list: "0-3,7"
  std::string final;
};

struct Process {
  bool terminal = false;
  std::optional<ConsoleSize> console_size;
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd;
  std::optional<Capabilities> capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile;
  std::string selinux_label;
  std::optional<std::int32_t> oom_score_adj;
  std::optional<IoPriority> io_priority;
  std::optional<Scheduler> scheduler;
  std::optional<ExecCpuAffinity> exec_cpu_affinity;
};

struct Root {
  std::string path;
  bool readonly = false;
};

struct IdMapping {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
};

struct Mount {
  std::string destination;  // parse_spec() makes a relative one absolute, as runc does
  std::string type;
  std::string source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
};

struct Hook {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::optional<std::int64_t> timeout;  // seconds
};

struct Hooks {
  std::vector<Hook> prestart;
  std::vector<Hook> create_runtime;
  std::vector<Hook> create_container;
  std::vector<Hook> start_container;
  std::vector<Hook> poststart;
  std::vector<Hook> poststop;
};

struct Namespace {
  NamespaceType type = NamespaceType::Mount;
  std::string path;  // empty: a new one
};

struct Device {
  std::string type;  // "c", "b", "u" or "p"
  std::string path;
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::optional<std::uint32_t> file_mode;  // permission bits; engines may add those of the type
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
};

struct NetDevice {
  std::string name;  // in the container; empty: as on the host
};

struct DeviceRule {  // linux.resources.devices
  bool allow = false;
  std::string type;                   // "a", "b", "c"; empty means "a"
  std::optional<std::int64_t> major;  // absent or -1: any
  std::optional<std::int64_t> minor;
  std::string access;  // of "rwm"; empty means all
};

struct MemoryResources {
  std::optional<std::int64_t> limit;  // bytes, -1: unlimited; so are the next four
  std::optional<std::int64_t> reservation;
  std::optional<std::int64_t> swap;  // memory and swap together
  std::optional<std::int64_t> kernel;
  std::optional<std::int64_t> kernel_tcp;
  std::optional<std::uint64_t> swappiness;
  std::optional<bool> disable_oom_killer;
  std::optional<bool> use_hierarchy;
  std::optional<bool> check_before_update;
};

struct CpuResources {
  std::optional<std::uint64_t> shares;
  std::optional<std::int64_t> quota;  // microseconds, as the next four
  std::optional<std::uint64_t> burst;
  std::optional<std::uint64_t> period;
  std::optional<std::int64_t> realtime_runtime;
  std::optional<std::uint64_t> realtime_period;
  std::string cpus;
  std::string mems;
  std::optional<std::int64_t> idle;
};

struct PidsResources {
  std::int64_t limit = 0;
};

struct ThrottleDevice {
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::uint64_t rate = 0;
};

struct WeightDevice {
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::optional<std::uint16_t> weight;
  std::optional<std::uint16_t> leaf_weight;
};

struct BlockIoResources {
  std::optional<std::uint16_t> weight;
  std::optional<std::uint16_t> leaf_weight;
  std::vector<WeightDevice> weight_device;
  std::vector<ThrottleDevice> throttle_read_bps_device;
  std::vector<ThrottleDevice> throttle_write_bps_device;
  std::vector<ThrottleDevice> throttle_read_iops_device;
  std::vector<ThrottleDevice> throttle_write_iops_device;
};

struct HugepageLimit {
  std::string page_size;  // "2MB"
  std::uint64_t limit = 0;
};

struct InterfacePriority {
  std::string name;
  std::uint32_t priority = 0;
};

struct NetworkResources {
  std::optional<std::uint32_t> class_id;
  std::vector<InterfacePriority> priorities;
};

struct Rdma {
  std::optional<std::uint32_t> hca_handles;
  std::optional<std::uint32_t> hca_objects;
};

struct Resources {
  std::vector<DeviceRule> devices;
  std::optional<MemoryResources> memory;
  std::optional<CpuResources> cpu;
  std::optional<PidsResources> pids;
  std::optional<BlockIoResources> block_io;
  std::vector<HugepageLimit> hugepage_limits;
  std::optional<NetworkResources> network;
  std::map<std::string, Rdma> rdma;
  StringMap unified;
};

struct SyscallArg {
  std::uint32_t index = 0;
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;
  std::string op;  // "SCMP_CMP_EQ"
};

struct Syscall {
  std::vector<std::string> names;
  std::string action;
  std::optional<std::uint32_t> errno_ret;
  std::vector<SyscallArg> args;
};

struct Seccomp {
  std::string default_action;
  std::optional<std::uint32_t> default_errno_ret;
  std::vector<std::string> architectures;
  std::optional<std::vector<std::string>> flags;  // none at all is not the same as an empty list
  std::string listener_path;
  std::string listener_metadata;
  std::vector<Syscall> syscalls;
};

struct IntelRdt {
  std::string clos_id;  // key "closID"
  std::vector<std::string> schemata;
  std::string l3_cache_schema;
  std::string mem_bw_schema;
  bool enable_monitoring = false;
};

struct MemoryPolicy {
  std::string mode;  // "MPOL_INTERLEAVE"
  std::string nodes;
  std::vector<std::string> flags;
};

struct Personality {
  std::string domain;  // "LINUX" or "LINUX32"
  std::vector<std::string> flags;
};

struct TimeOffset {
  std::int64_t secs = 0;
  std::uint32_t nanosecs = 0;
};

struct Linux {
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  StringMap sysctl;
  std::optional<Resources> resources;
  std::string cgroups_path;
  std::vector<Namespace> namespaces;
  std::vector<Device> devices;
  std::map<std::string, NetDevice> net_devices;
  std::optional<Seccomp> seccomp;
  std::string rootfs_propagation;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::string mount_label;
  std::optional<IntelRdt> intel_rdt;
  std::optional<MemoryPolicy> memory_policy;
  std::optional<Personality> personality;
  std::map<std::string, TimeOffset> time_offsets;  // "boottime", "monotonic"
};

struct Spec {
  std::string oci_version;
  std::optional<Process> process;
  Root root;
  std::string hostname;
  std::string domainname;
  std::vector<Mount> mounts;
  Hooks hooks;
  StringMap annotations;
  Linux linux_;  // key "linux" ("linux" itself is a macro of old compilers)

  // The namespace of that type, or null if the container shares the runtime's.
  const Namespace* find_namespace(NamespaceType type) const;
};

// The state of a container as hooks and `state` get it (runtime.md, "State").
struct State {
  std::string oci_version;
  std::string id;
  std::string status;  // "creating", "created", "running", "paused", "stopped"
  int pid = 0;         // 0 when stopped; left out of the JSON then, except by `state`
  std::string bundle;
  StringMap annotations;
};

inline constexpr std::string_view kSpecVersionMin = "1.0.0";
inline constexpr std::string_view kSpecVersionMax = "1.3.0";

// From JSON, validated. An error (InvalidArgument) names the field and the reason in one line of bounded
// length: "process.cwd: must be an absolute path, is 'x'". Keys that are not known are ignored, as the
// specification asks; so are the sections of other platforms.
Result<Spec> parse_spec(std::string json);
Result<Process> parse_process(std::string json);
Result<Resources> parse_resources(std::string json);

// What the specification, and a runtime that has to refuse before it makes anything, asks of values.
// Whether the host can do it is not asked here. Fields of a Process read "process.cwd", of Resources
// "linux.resources.cpu.period", wherever they came from.
Result<void> validate(const Spec& spec);
Result<void> validate(const Process& process);
Result<void> validate(const Resources& resources);

// The file below /proc/sys that a sysctl's name stands for (sysctl.d(5)): "net.ipv4.conf.eth0/7.forwarding"
// and "net/ipv4/conf/eth0.7/forwarding" are the same. Without "." or ".." in what validate() let pass.
std::string sysctl_path(std::string_view name);

std::string to_json(const Spec& spec, json::Style style = json::Style::Compact);
std::string to_json(const Process& process, json::Style style = json::Style::Compact);
std::string to_json(const Resources& resources, json::Style style = json::Style::Compact);
std::string to_json(const State& state, json::Style style = json::Style::Compact);

// For json_codec.h, so that these can be part of others' structs.
void fields(json::Fields& f, Spec& spec);
void fields(json::Fields& f, Process& process);
void fields(json::Fields& f, Hooks& hooks);
void fields(json::Fields& f, Resources& resources);
void fields(json::Fields& f, State& state);
void fields(json::Fields& f, Hook& hook);

}  // namespace gantry::oci
