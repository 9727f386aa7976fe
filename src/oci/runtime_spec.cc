// SPDX-License-Identifier: Apache-2.0
//
// The keys of the specification, each once. What values mean is checked in validate.cc.
#include "oci/runtime_spec.h"

#include <algorithm>

#include "base/json.h"
#include "base/json_codec.h"

namespace gantry::oci {

using json::Fields;
using enum json::Presence;

static void fields(Fields& f, ConsoleSize& size) {
  f("height", size.height, Required);
  f("width", size.width, Required);
}

static void fields(Fields& f, User& user) {
  f("uid", user.uid, Always);
  f("gid", user.gid, Always);
  f("umask", user.umask);
  f("additionalGids", user.additional_gids);
  f("username", user.username);
}

static void fields(Fields& f, Capabilities& capabilities) {
  f("bounding", capabilities.bounding);
  f("effective", capabilities.effective);
  f("inheritable", capabilities.inheritable);
  f("permitted", capabilities.permitted);
  f("ambient", capabilities.ambient);
}

static void fields(Fields& f, Rlimit& rlimit) {
  f("type", rlimit.type, Required);
  f("hard", rlimit.hard, Required);
  f("soft", rlimit.soft, Required);
}

static void fields(Fields& f, IoPriority& io) {
  f("class", io.io_class, Required);
  f("priority", io.priority, Always);
}

static void fields(Fields& f, Scheduler& scheduler) {
  f("policy", scheduler.policy, Required);
  f("nice", scheduler.nice);
  f("priority", scheduler.priority);
  f("flags", scheduler.flags);
  f("runtime", scheduler.runtime);
  f("deadline", scheduler.deadline);
  f("period", scheduler.period);
}

static void fields(Fields& f, ExecCpuAffinity& affinity) {
  f("initial", affinity.initial);
  f("final", affinity.final);
}

void fields(Fields& f, Process& process) {
  f("terminal", process.terminal);
  f("consoleSize", process.console_size);
  f("user", process.user, Always);
  f("args", process.args);
  f("env", process.env);
  f("cwd", process.cwd, Required);
  f("capabilities", process.capabilities);
  f("rlimits", process.rlimits);
  f("noNewPrivileges", process.no_new_privileges);
  f("apparmorProfile", process.apparmor_profile);
  f("oomScoreAdj", process.oom_score_adj);
  f("scheduler", process.scheduler);
  f("selinuxLabel", process.selinux_label);
  f("ioPriority", process.io_priority);
  f("execCPUAffinity", process.exec_cpu_affinity);
}

static void fields(Fields& f, Root& root) {
  f("path", root.path, Required);
  f("readonly", root.readonly);
}

static void fields(Fields& f, IdMapping& mapping) {
  f("containerID", mapping.container_id, Required);
  f("hostID", mapping.host_id, Required);
  f("size", mapping.size, Required);
}

static void fields(Fields& f, Mount& mount) {
  f("destination", mount.destination, Required);
  f("type", mount.type);
  f("source", mount.source);
  f("options", mount.options);
  f("uidMappings", mount.uid_mappings);
  f("gidMappings", mount.gid_mappings);
}

void fields(Fields& f, Hook& hook) {
  f("path", hook.path, Required);
  f("args", hook.args);
  f("env", hook.env);
  f("timeout", hook.timeout);
}

void fields(Fields& f, Hooks& hooks) {
  f("prestart", hooks.prestart);
  f("createRuntime", hooks.create_runtime);
  f("createContainer", hooks.create_container);
  f("startContainer", hooks.start_container);
  f("poststart", hooks.poststart);
  f("poststop", hooks.poststop);
}

static void fields(Fields& f, Namespace& ns) {
  f("type", ns.type, Required);
  f("path", ns.path);
}

static void fields(Fields& f, Device& device) {
  f("path", device.path, Required);
  f("type", device.type, Required);
  f("major", device.major, Always);
  f("minor", device.minor, Always);
  f("fileMode", device.file_mode);
  f("uid", device.uid);
  f("gid", device.gid);
}

static void fields(Fields& f, NetDevice& device) { f("name", device.name); }

static void fields(Fields& f, DeviceRule& rule) {
  f("allow", rule.allow, Required);
  f("type", rule.type);
  f("major", rule.major);
  f("minor", rule.minor);
  f("access", rule.access);
}

static void fields(Fields& f, MemoryResources& memory) {
  f("limit", memory.limit);
  f("reservation", memory.reservation);
  f("swap", memory.swap);
  f("kernel", memory.kernel);
  f("kernelTCP", memory.kernel_tcp);
  f("swappiness", memory.swappiness);
  f("disableOOMKiller", memory.disable_oom_killer);
  f("useHierarchy", memory.use_hierarchy);
  f("checkBeforeUpdate", memory.check_before_update);
}

static void fields(Fields& f, CpuResources& cpu) {
  f("shares", cpu.shares);
  f("quota", cpu.quota);
  f("burst", cpu.burst);
  f("period", cpu.period);
  f("realtimeRuntime", cpu.realtime_runtime);
  f("realtimePeriod", cpu.realtime_period);
  f("cpus", cpu.cpus);
  f("mems", cpu.mems);
  f("idle", cpu.idle);
}

static void fields(Fields& f, PidsResources& pids) { f("limit", pids.limit, Required); }

static void fields(Fields& f, ThrottleDevice& device) {
  f("major", device.major, Required);
  f("minor", device.minor, Required);
  f("rate", device.rate, Always);
}

static void fields(Fields& f, WeightDevice& device) {
  f("major", device.major, Required);
  f("minor", device.minor, Required);
  f("weight", device.weight);
  f("leafWeight", device.leaf_weight);
}

static void fields(Fields& f, BlockIoResources& io) {
  f("weight", io.weight);
  f("leafWeight", io.leaf_weight);
  f("weightDevice", io.weight_device);
  f("throttleReadBpsDevice", io.throttle_read_bps_device);
  f("throttleWriteBpsDevice", io.throttle_write_bps_device);
  f("throttleReadIOPSDevice", io.throttle_read_iops_device);
  f("throttleWriteIOPSDevice", io.throttle_write_iops_device);
}

static void fields(Fields& f, HugepageLimit& hugepages) {
  f("pageSize", hugepages.page_size, Required);
  f("limit", hugepages.limit, Required);
}

static void fields(Fields& f, InterfacePriority& interface) {
  f("name", interface.name, Required);
  f("priority", interface.priority, Required);
}

static void fields(Fields& f, NetworkResources& network) {
  f("classID", network.class_id);
  f("priorities", network.priorities);
}

static void fields(Fields& f, Rdma& rdma) {
  f("hcaHandles", rdma.hca_handles);
  f("hcaObjects", rdma.hca_objects);
}

void fields(Fields& f, Resources& resources) {
  f("devices", resources.devices);
  f("memory", resources.memory);
  f("cpu", resources.cpu);
  f("pids", resources.pids);
  f("blockIO", resources.block_io);
  f("hugepageLimits", resources.hugepage_limits);
  f("network", resources.network);
  f("rdma", resources.rdma);
  f("unified", resources.unified);
}

static void fields(Fields& f, SyscallArg& arg) {
  f("index", arg.index, Required);
  f("value", arg.value, Required);
  f("valueTwo", arg.value_two);
  f("op", arg.op, Required);
}

static void fields(Fields& f, Syscall& syscall) {
  f("names", syscall.names, Required);
  f("action", syscall.action, Required);
  f("errnoRet", syscall.errno_ret);
  f("args", syscall.args);
}

static void fields(Fields& f, Seccomp& seccomp) {
  f("defaultAction", seccomp.default_action, Required);
  f("defaultErrnoRet", seccomp.default_errno_ret);
  f("architectures", seccomp.architectures);
  f("flags", seccomp.flags);
  f("listenerPath", seccomp.listener_path);
  f("listenerMetadata", seccomp.listener_metadata);
  f("syscalls", seccomp.syscalls);
}

static void fields(Fields& f, IntelRdt& rdt) {
  f("closID", rdt.clos_id);
  f("schemata", rdt.schemata);
  f("l3CacheSchema", rdt.l3_cache_schema);
  f("memBwSchema", rdt.mem_bw_schema);
  f("enableMonitoring", rdt.enable_monitoring);
}

static void fields(Fields& f, MemoryPolicy& policy) {
  f("mode", policy.mode, Required);
  f("nodes", policy.nodes);
  f("flags", policy.flags);
}

static void fields(Fields& f, Personality& personality) {
  f("domain", personality.domain, Required);
  f("flags", personality.flags);
}

static void fields(Fields& f, TimeOffset& offset) {
  f("secs", offset.secs);
  f("nanosecs", offset.nanosecs);
}

static void fields(Fields& f, Linux& linux_) {
  f("uidMappings", linux_.uid_mappings);
  f("gidMappings", linux_.gid_mappings);
  f("sysctl", linux_.sysctl);
  f("resources", linux_.resources);
  f("cgroupsPath", linux_.cgroups_path);
  f("namespaces", linux_.namespaces);
  f("devices", linux_.devices);
  f("netDevices", linux_.net_devices);
  f("seccomp", linux_.seccomp);
  f("rootfsPropagation", linux_.rootfs_propagation);
  f("maskedPaths", linux_.masked_paths);
  f("readonlyPaths", linux_.readonly_paths);
  f("mountLabel", linux_.mount_label);
  f("intelRdt", linux_.intel_rdt);
  f("memoryPolicy", linux_.memory_policy);
  f("personality", linux_.personality);
  f("timeOffsets", linux_.time_offsets);
}

void fields(Fields& f, Spec& spec) {
  f("ociVersion", spec.oci_version, Required);
  f("process", spec.process);
  f("root", spec.root, Required);
  f("hostname", spec.hostname);
  f("domainname", spec.domainname);
  f("mounts", spec.mounts);
  f("hooks", spec.hooks);
  f("annotations", spec.annotations);
  f("linux", spec.linux_);
}

void fields(Fields& f, State& state) {
  f("ociVersion", state.oci_version, Required);
  f("id", state.id, Required);
  f("status", state.status, Required);
  f("pid", state.pid);
  f("bundle", state.bundle, Required);
  f("annotations", state.annotations);
}

const Namespace* Spec::find_namespace(NamespaceType type) const {
  const auto found = std::ranges::find(linux_.namespaces, type, &Namespace::type);
  return found == linux_.namespaces.end() ? nullptr : &*found;
}

template <class T>
static Result<T> parse(std::string text) {
  const json::Document document = TRY(json::Document::parse(std::move(text)));
  T object = TRY(json::decode<T>(document.root()));
  TRY(validate(object));
  return object;
}

Result<Spec> parse_spec(std::string json) {
  Spec spec = TRY(parse<Spec>(std::move(json)));
  // The specification wants absolute ones; older bundles have others, and runc takes them so.
  for (Mount& mount : spec.mounts)
    if (!mount.destination.starts_with('/')) mount.destination.insert(0, 1, '/');
  return spec;
}
Result<Process> parse_process(std::string json) { return parse<Process>(std::move(json)); }
Result<Resources> parse_resources(std::string json) { return parse<Resources>(std::move(json)); }

std::string to_json(const Spec& spec, json::Style style) { return json::encode(spec, style); }
std::string to_json(const Process& process, json::Style style) { return json::encode(process, style); }
std::string to_json(const Resources& resources, json::Style style) { return json::encode(resources, style); }
std::string to_json(const State& state, json::Style style) { return json::encode(state, style); }

}  // namespace gantry::oci
