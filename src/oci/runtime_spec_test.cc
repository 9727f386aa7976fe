// SPDX-License-Identifier: Apache-2.0
#include "oci/runtime_spec.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "oci/default_spec.h"
#include "oci/features.h"
#include "testing/must.h"

namespace gantry::oci {
namespace {

// Every field that the specification has for Linux, in the order that we write them.
constexpr std::string_view kFullSpec = R"({
  "ociVersion": "1.2.0",
  "process": {
    "terminal": true,
    "consoleSize": {"height": 25, "width": 80},
    "user": {"uid": 1, "gid": 2, "umask": 18, "additionalGids": [5, 4294967295], "username": "u"},
    "args": ["sh", "-c", ""],
    "env": ["PATH=/bin", "EMPTY=", "A=b=c"],
    "cwd": "/",
    "capabilities": {
      "bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "inheritable": ["CAP_KILL"],
      "permitted": ["CAP_KILL"], "ambient": ["CAP_KILL"]
    },
    "rlimits": [
      {"type": "RLIMIT_NOFILE", "hard": 18446744073709551615, "soft": 1024},
      {"type": "RLIMIT_CORE", "hard": 0, "soft": 0}
    ],
    "noNewPrivileges": true,
    "apparmorProfile": "docker-default",
    "oomScoreAdj": -1000,
    "scheduler": {"policy": "SCHED_DEADLINE", "nice": -20, "flags": ["SCHED_FLAG_RECLAIM"], "runtime": 1, "deadline": 2, "period": 3},
    "selinuxLabel": "system_u:system_r:t:s0",
    "ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 7},
    "execCPUAffinity": {"initial": "0-3,7", "final": "1"}
  },
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "h",
  "domainname": "d",
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/data", "type": "none", "source": "/src", "options": ["rbind", "ridmap"],
     "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]}
  ],
  "hooks": {
    "prestart": [{"path": "/a", "args": ["a"], "env": ["K=V"], "timeout": 1}],
    "createRuntime": [{"path": "/b"}],
    "createContainer": [{"path": "/c"}],
    "startContainer": [{"path": "/d"}],
    "poststart": [{"path": "/e"}],
    "poststop": [{"path": "/f"}]
  },
  "annotations": {"com.example.key": "value", "empty": ""},
  "linux": {
    "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1000}, {"containerID": 1000, "hostID": 5000, "size": 1}],
    "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 4294966295}],
    "sysctl": {"kernel.domainname": "d", "kernel.sem": "1 2 3 4", "net.core.somaxconn": "256"},
    "resources": {
      "devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": -1, "access": "r"}],
      "memory": {"limit": 1, "reservation": -1, "swap": 9223372036854775807, "kernel": 0, "kernelTCP": 0, "swappiness": 100,
                 "disableOOMKiller": false, "useHierarchy": true, "checkBeforeUpdate": true},
      "cpu": {"shares": 1, "quota": -1, "burst": 2, "period": 3, "realtimeRuntime": 4, "realtimePeriod": 5,
              "cpus": "0-1", "mems": "0", "idle": 1},
      "pids": {"limit": -1},
      "blockIO": {
        "weight": 10, "leafWeight": 11, "weightDevice": [{"major": 8, "minor": 0, "weight": 1, "leafWeight": 2}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}],
        "throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 1}],
        "throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 1}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 0}]
      },
      "hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
      "network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]},
      "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}},
      "unified": {"memory.high": "max"}
    },
    "cgroupsPath": "/a/b",
    "namespaces": [{"type": "pid", "path": "/proc/1/ns/pid"}, {"type": "network"}, {"type": "mount"}, {"type": "ipc"},
                   {"type": "uts"}, {"type": "user"}, {"type": "cgroup"}, {"type": "time"}],
    "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 0, "gid": 0}],
    "netDevices": {"eth1": {"name": "container_eth1"}, "eth2": {}},
    "seccomp": {
      "defaultAction": "SCMP_ACT_ERRNO",
      "defaultErrnoRet": 38,
      "architectures": ["SCMP_ARCH_X86_64"],
      "flags": ["SECCOMP_FILTER_FLAG_LOG"],
      "listenerPath": "/run/listener",
      "listenerMetadata": "m",
      "syscalls": [
        {"names": ["mknod"], "action": "SCMP_ACT_NOTIFY"},
        {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
         "args": [{"index": 5, "value": 18446744073709551615, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}]}
      ]
    },
    "rootfsPropagation": "slave",
    "maskedPaths": ["/proc/kcore"],
    "readonlyPaths": ["/proc/sys"],
    "mountLabel": "l",
    "intelRdt": {"closID": "g", "schemata": ["L2:0=f"], "l3CacheSchema": "L3:0=7f0", "memBwSchema": "MB:0=20", "enableMonitoring": true},
    "memoryPolicy": {"mode": "MPOL_INTERLEAVE", "nodes": "2-3", "flags": ["MPOL_F_STATIC_NODES"]},
    "personality": {"domain": "LINUX32"},
    "timeOffsets": {"boottime": {"secs": -5}, "monotonic": {"secs": 1, "nanosecs": 999999999}}
  }
})";

std::string compact(std::string_view text) {
  return MUST(json::Document::parse(std::string(text))).root().to_text();
}

// Why the full specification is refused when `change` was made to it.
std::string refusal(auto&& change) {
  Spec spec = MUST(parse_spec(std::string(kFullSpec)));
  change(spec, *spec.process, spec.linux_);
  const Result<void> valid = validate(spec);
  return valid ? "" : valid.error().message();
}

// The lambda of one case: its body changes `spec`, `process` or `linux_`.
#define WITH(...)                                                                                       \
  [&]([[maybe_unused]] Spec& spec, [[maybe_unused]] Process& process, [[maybe_unused]] Linux& linux_) { \
    __VA_ARGS__;                                                                                        \
  }

TEST(RuntimeSpec, keeps_everything_through_json) {
  const std::string text = compact(kFullSpec);
  EXPECT_EQ(to_json(MUST(parse_spec(text))), text);
}

TEST(RuntimeSpec, takes_a_minimal_one) {
  const std::string text =
      R"({"ociVersion":"1.0.0","process":{"user":{"uid":0,"gid":0},"args":["sh"],"cwd":"/"},"root":{"path":"r"}})";
  EXPECT_EQ(to_json(MUST(parse_spec(text))), text);
}

TEST(RuntimeSpec, ignores_what_is_not_for_linux_and_what_is_unknown) {
  MUST(parse_spec(
      R"({"ociVersion":"1.0.0","windows":{"x":1},"vm":[],"solaris":null,"x-new":{},"hooks":null,"linux":null,
                      "process":{"args":["sh"],"cwd":"/","commandLine":"x","env":null},"root":{"path":"r"}})"));
}

TEST(RuntimeSpec, makes_relative_mount_destinations_absolute) {
  const Spec spec =
      MUST(parse_spec(R"({"ociVersion":"1.0.0","process":{"args":["sh"],"cwd":"/"},"root":{"path":"r"},
                                        "mounts":[{"destination":"tmp"},{"destination":"/dev"}]})"));
  EXPECT_EQ(spec.mounts[0].destination, "/tmp");
  EXPECT_EQ(spec.mounts[1].destination, "/dev");
}

TEST(RuntimeSpec, takes_versions_from_1_0_to_1_3) {
  for (const char* version :
       {"1.0.0", "1.0.2-dev", "1.0.2", "1.1.0+x.7", "1.2.0-rc.1+b", "1.2.1", "1.3.0", "1.3.99", "1.0.0+dev"})
    EXPECT_EQ(refusal(WITH(spec.oci_version = version)), "") << version;
  for (const char* version : {"0.9.0", "1.0.0-rc5", "1.4.0", "1.4.0-dev", "2.0.0", "4294967295.0.0"})
    EXPECT_EQ(refusal(WITH(spec.oci_version = version)),
              "ociVersion: '" + std::string(version) + "' is not supported, only 1.0.0 to 1.3.x are");
  for (const char* version :
       {"", "1", "1.0", "1.0.", "1.0.x", "v1.0.0", "1.0.0.0", "1.0.0-", "1.0.0+", "1.0.0 ", "01.0.0",
        "1.00.0", "-1.0.0", "1.0.0-a_b", "1.0.0+a+b", "4294967296.0.0"})
    EXPECT_EQ(refusal(WITH(spec.oci_version = version)),
              "ociVersion: '" + std::string(version) + "' is not a version such as '1.2.0'");
}

TEST(RuntimeSpec, refuses_a_process_that_cannot_start) {
  EXPECT_EQ(refusal(WITH(spec.process.reset())), "process: is required");
  EXPECT_EQ(refusal(WITH(process.cwd = "x")), "process.cwd: must be an absolute path, is 'x'");
  EXPECT_EQ(refusal(WITH(process.cwd = "")), "process.cwd: must be an absolute path, is ''");
  EXPECT_EQ(refusal(WITH(process.args.clear())), "process.args: must not be empty");
  EXPECT_EQ(refusal(WITH(process.args[0] = "")), "process.args[0]: must not be empty");
  EXPECT_EQ(refusal(WITH(process.env[1] = "EMPTY")), "process.env[1]: must be NAME=value, is 'EMPTY'");
  EXPECT_EQ(refusal(WITH(process.env[1] = "=x")), "process.env[1]: must be NAME=value, is '=x'");
  EXPECT_EQ(refusal(WITH(process.user.umask = 01000)), "process.user.umask: must be from 0 to 511, is 512");
  EXPECT_EQ(refusal(WITH(process.oom_score_adj = 1001)),
            "process.oomScoreAdj: must be from -1000 to 1000, is 1001");
}

TEST(RuntimeSpec, refuses_wrong_rlimits_and_capabilities) {
  EXPECT_TRUE(refusal(WITH(process.rlimits[0].type = "NOFILE"))
                  .starts_with("process.rlimits[0].type: 'NOFILE' is not one of RLIMIT_AS, RLIMIT_CORE"));
  EXPECT_EQ(refusal(WITH(process.rlimits[1].soft = 1)),
            "process.rlimits[1].soft: 1 is above the hard limit 0");
  EXPECT_EQ(refusal(WITH(process.rlimits[1] = process.rlimits[0])),
            "process.rlimits[1].type: 'RLIMIT_NOFILE' is there twice");
  for (const char* name : {"", "KILL", "cap_kill", "CAP_", "CAP_KILL ", "CAP_KILL\n"}) {
    EXPECT_TRUE(refusal(WITH(process.capabilities->ambient = {"CAP_KILL", name}))
                    .starts_with("process.capabilities.ambient[1]: "))
        << name;
  }
  EXPECT_EQ(refusal(WITH(process.capabilities->bounding = {"CAP_OF_THE_FUTURE"})), "");
}

TEST(RuntimeSpec, refuses_wrong_scheduling) {
  EXPECT_TRUE(refusal(WITH(process.scheduler->policy = "FIFO"))
                  .starts_with("process.scheduler.policy: 'FIFO' is not one of"));
  EXPECT_TRUE(refusal(WITH(process.scheduler->flags = {"X"}))
                  .starts_with("process.scheduler.flags[0]: 'X' is not one of"));
  EXPECT_EQ(refusal(WITH(process.scheduler->nice = 20)),
            "process.scheduler.nice: must be from -20 to 19, is 20");
  EXPECT_EQ(
      refusal(WITH(process.scheduler->priority = 1)),
      "process.scheduler.priority: only SCHED_FIFO and SCHED_RR have one, the policy is SCHED_DEADLINE");
  EXPECT_EQ(refusal(WITH(process.scheduler->policy = "SCHED_BATCH")),
            "process.scheduler.runtime: only SCHED_DEADLINE has runtime, deadline and period, the policy is "
            "SCHED_BATCH");
  EXPECT_EQ(refusal(WITH(process.scheduler->runtime = 3)),
            "process.scheduler.runtime: SCHED_DEADLINE needs 0 < runtime <= deadline <= period, not 3, 2, 3");
  EXPECT_EQ(refusal(WITH(process.scheduler = Scheduler{.policy = "SCHED_RR"})),
            "process.scheduler.priority: must be from 1 to 99, is 0");
  EXPECT_EQ(refusal(WITH(process.scheduler = (Scheduler{.policy = "SCHED_FIFO", .priority = 99}))), "");
  EXPECT_TRUE(refusal(WITH(process.io_priority->io_class = "BE"))
                  .starts_with("process.ioPriority.class: 'BE' is not one of"));
  EXPECT_EQ(refusal(WITH(process.io_priority->priority = 8)),
            "process.ioPriority.priority: must be from 0 to 7, is 8");
  for (const char* list : {"x", "1-", "-1", "1,,2", "3-1", "1;2", ",", "99999999999"})
    EXPECT_EQ(refusal(WITH(process.exec_cpu_affinity->final = list)),
              "process.execCPUAffinity.final: '" + std::string(list) + "' is not a list such as '0-3,7'");
  EXPECT_EQ(refusal(WITH(process.exec_cpu_affinity->initial = "0 - 3, 7")), "");
}

TEST(RuntimeSpec, refuses_wrong_roots_names_mounts_and_annotations) {
  EXPECT_EQ(refusal(WITH(spec.root.path = "")), "root.path: must not be empty");
  EXPECT_EQ(refusal(WITH(spec.hostname = std::string(65, 'h'))),
            "hostname: has 65 bytes, the kernel takes 64");
  EXPECT_EQ(
      refusal(WITH(std::erase_if(linux_.namespaces, [](auto& ns) { return ns.type == NamespaceType::Uts; }))),
      "hostname: needs a namespace of type 'uts'");
  EXPECT_EQ(refusal(WITH(spec.mounts[1].destination = "")), "mounts[1].destination: must not be empty");
  EXPECT_EQ(refusal(WITH(spec.mounts[1].gid_mappings.clear())),
            "mounts[1].gidMappings: uidMappings and gidMappings need each other");
  EXPECT_EQ(refusal(WITH(spec.mounts[1].uid_mappings[0].size = 0)),
            "mounts[1].uidMappings[0].size: must not be 0");
  EXPECT_EQ(refusal(WITH(spec.annotations[""] = "x")), "annotations: a key must not be empty");
}

TEST(RuntimeSpec, refuses_wrong_hooks) {
  EXPECT_EQ(refusal(WITH(spec.hooks.prestart[0].path = "a")),
            "hooks.prestart[0].path: must be an absolute path, is 'a'");
  EXPECT_EQ(refusal(WITH(spec.hooks.poststop[0].timeout = 0)),
            "hooks.poststop[0].timeout: must be from 1 to 2147483647, is 0");
  for (auto hooks :
       {&Hooks::create_runtime, &Hooks::create_container, &Hooks::start_container, &Hooks::poststart})
    EXPECT_NE(refusal(WITH((spec.hooks.*hooks)[0].path = "")), "");
}

TEST(RuntimeSpec, refuses_wrong_namespaces) {
  EXPECT_EQ(refusal(WITH(linux_.namespaces.push_back({.type = NamespaceType::Pid}))),
            "linux.namespaces[8].type: 'pid' is there twice");
  EXPECT_EQ(refusal(WITH(linux_.namespaces[0].path = "ns")),
            "linux.namespaces[0].path: must be an absolute path, is 'ns'");
  const auto without = [](Spec& spec, NamespaceType type) {
    std::erase_if(spec.linux_.namespaces, [type](const Namespace& ns) { return ns.type == type; });
  };
  EXPECT_EQ(refusal(WITH(without(spec, NamespaceType::User))),
            "linux.uidMappings: needs a namespace of type 'user'");
  EXPECT_EQ(refusal(WITH(without(spec, NamespaceType::Time))),
            "linux.timeOffsets: needs a new namespace of type 'time'");
  EXPECT_EQ(refusal(WITH(without(spec, NamespaceType::Mount))),
            "linux.maskedPaths: needs a namespace of type 'mount'");
  EXPECT_EQ(refusal(WITH(without(spec, NamespaceType::Ipc))),
            "linux.sysctl['kernel.sem']: needs a namespace of type 'ipc'");
  EXPECT_EQ(refusal(WITH(without(spec, NamespaceType::Network))),
            "linux.sysctl['net.core.somaxconn']: needs a namespace of type 'network'");
  EXPECT_EQ(refusal(WITH(without(spec, NamespaceType::Network); linux_.sysctl.clear())),
            "linux.netDevices: needs a namespace of type 'network'");
}

TEST(RuntimeSpec, refuses_id_maps_that_the_kernel_would) {
  EXPECT_EQ(refusal(WITH(linux_.uid_mappings.clear())),
            "linux.uidMappings: a new namespace of type 'user' needs it");
  EXPECT_EQ(refusal(WITH(linux_.gid_mappings.clear())),
            "linux.gidMappings: a new namespace of type 'user' needs it");
  EXPECT_EQ(refusal(WITH(linux_.uid_mappings.clear(); linux_.namespaces[5].path = "/proc/1/ns/user")), "");
  EXPECT_EQ(refusal(WITH(linux_.uid_mappings[1].size = 0)), "linux.uidMappings[1].size: must not be 0");
  EXPECT_EQ(refusal(WITH(linux_.uid_mappings[1].container_id = 999)),
            "linux.uidMappings[1].containerID: overlaps entry 0");
  EXPECT_EQ(refusal(WITH(linux_.uid_mappings[1].host_id = 1999)),
            "linux.uidMappings[1].hostID: overlaps entry 0");
  EXPECT_EQ(refusal(WITH(linux_.gid_mappings[0].size++)),
            "linux.gidMappings[0].hostID: 1000 and 4294966296 ids from there pass the highest id");
  EXPECT_EQ(refusal(WITH(linux_.uid_mappings[1].container_id = 0xffffffff)),
            "linux.uidMappings[1].containerID: 4294967295 and 1 ids from there pass the highest id");
  const auto many = [](std::uint32_t count) {
    std::vector<IdMapping> map;
    for (std::uint32_t i = 0; i < count; ++i) map.push_back({.container_id = i, .host_id = i, .size = 1});
    return map;
  };
  EXPECT_EQ(refusal(WITH(linux_.gid_mappings = many(340))), "");
  EXPECT_EQ(refusal(WITH(linux_.gid_mappings = many(341))),
            "linux.gidMappings: has 341 entries, the kernel takes 340");
}

TEST(RuntimeSpec, lets_only_namespaced_sysctls_be_set) {
  const auto with = [](std::string name) { return refusal(WITH(linux_.sysctl = {{name, "1"}})); };
  for (const char* name :
       {"kernel.shmmax", "kernel/shmmax", "fs.mqueue.msg_max", "net.ipv4.ip_forward",
        "net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.eth0/100.rp_filter", "kernel.domainname"})
    EXPECT_EQ(with(name), "") << name;
  EXPECT_EQ(with("kernel.hostname"), "linux.sysctl['kernel.hostname']: is set by the field 'hostname'");
  for (const char* name : {"kernel.core_pattern", "vm.swappiness", "fs.mqueue", "net", "kernel", "netx.y",
                           "user.max_user_namespaces"})
    EXPECT_EQ(with(name), "linux.sysctl['" + std::string(name) + "']: does not belong to a namespace");
  for (const char* name : {"", "net/../kernel/core_pattern", "net./../kernel.core_pattern", "net..ipv4",
                           "net.", ".net", "/net/x", "net/./x", "net.//.kernel"})
    EXPECT_EQ(with(name), "linux.sysctl['" + std::string(name) + "']: is not the name of a kernel parameter");
}

TEST(RuntimeSpec, knows_the_file_of_a_sysctl) {
  EXPECT_EQ(sysctl_path("net.ipv4.conf.eth0/100.rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
  EXPECT_EQ(sysctl_path("net/ipv4/conf/eth0.100/rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
  EXPECT_EQ(sysctl_path("kernel"), "kernel");
}

TEST(RuntimeSpec, refuses_wrong_time_offsets) {
  EXPECT_EQ(refusal(WITH(linux_.time_offsets = (std::map<std::string, TimeOffset>{{"realtime", {}}}))),
            "linux.timeOffsets: 'realtime' is not one of boottime, monotonic");
  EXPECT_EQ(refusal(WITH(linux_.time_offsets["boottime"].nanosecs = 1'000'000'000)),
            "linux.timeOffsets['boottime'].nanosecs: must be from 0 to 999999999, is 1000000000");
  EXPECT_EQ(refusal(WITH(linux_.namespaces[7].path = "/proc/1/ns/time")),
            "linux.timeOffsets: needs a new namespace of type 'time'");
}

TEST(RuntimeSpec, refuses_paths_that_lead_elsewhere) {
  for (const char* path : {"..", "/a/../b", "../x", "/a/.."})
    EXPECT_EQ(refusal(WITH(linux_.cgroups_path = path)),
              "linux.cgroupsPath: must not contain '..', is '" + std::string(path) + "'");
  for (const char* path : {"a..b", "/a...", "system.slice:docker:id", ""})
    EXPECT_EQ(refusal(WITH(linux_.cgroups_path = path)), "") << path;
  EXPECT_EQ(refusal(WITH(linux_.masked_paths.push_back("x"))),
            "linux.maskedPaths[1]: must be an absolute path, is 'x'");
  EXPECT_EQ(refusal(WITH(linux_.readonly_paths.push_back(""))),
            "linux.readonlyPaths[1]: must be an absolute path, is ''");
}

TEST(RuntimeSpec, refuses_wrong_resources) {
  const auto with = [](auto&& change) { return refusal(WITH(change(*linux_.resources))); };
  EXPECT_EQ(with([](Resources& r) { r.devices[1].type = "u"; }),
            "linux.resources.devices[1].type: 'u' is not one of a, b, c");
  EXPECT_EQ(with([](Resources& r) { r.devices[1].access = "rx"; }),
            "linux.resources.devices[1].access: must be of 'rwm', is 'rx'");
  EXPECT_EQ(with([](Resources& r) { r.devices[1].major = -2; }),
            "linux.resources.devices[1].major: must be from -1 to 4095, is -2");
  EXPECT_EQ(with([](Resources& r) { r.devices[1].minor = 1 << 20; }),
            "linux.resources.devices[1].minor: must be from -1 to 1048575, is 1048576");
  EXPECT_EQ(with([](Resources& r) { r.memory->limit = -2; }),
            "linux.resources.memory.limit: must be from -1 to 9223372036854775807, is -2");
  EXPECT_EQ(with([](Resources& r) { r.memory->swappiness = 101; }),
            "linux.resources.memory.swappiness: must be from 0 to 100, is 101");
  EXPECT_EQ(with([](Resources& r) { r.memory->limit = 2, r.memory->swap = 1; }),
            "linux.resources.memory.swap: 1 is memory and swap together and must not be below limit, 2");
  EXPECT_EQ(with([](Resources& r) { r.memory->limit = 2, r.memory->swap = -1; }), "");
  EXPECT_EQ(with([](Resources& r) { r.cpu->quota = 1; }), "linux.resources.cpu.burst: 2 is above quota, 1");
  EXPECT_EQ(with([](Resources& r) { r.cpu->idle = 2; }),
            "linux.resources.cpu.idle: must be from 0 to 1, is 2");
  EXPECT_EQ(with([](Resources& r) { r.cpu->cpus = "a"; }),
            "linux.resources.cpu.cpus: 'a' is not a list such as '0-3,7'");
  EXPECT_EQ(with([](Resources& r) { r.cpu->mems = "0\n1"; }),
            "linux.resources.cpu.mems: '0\\n1' is not a list such as '0-3,7'");
  EXPECT_EQ(with([](Resources& r) { r.block_io->weight_device[0] = {}; }),
            "linux.resources.blockIO.weightDevice[0].weight: weight or leafWeight is required");
  EXPECT_EQ(with([](Resources& r) { r.block_io->throttle_read_bps_device[0].major = -1; }),
            "linux.resources.blockIO.throttleReadBpsDevice[0].major: must be from 0 to 4095, is -1");
  for (const char* size : {"", "2", "MB", "0MB", "02MB", "2TB", "2mb", "2MB ", "../x", "-2MB"})
    EXPECT_EQ(with([&](Resources& r) { r.hugepage_limits[0].page_size = size; }),
              "linux.resources.hugepageLimits[0].pageSize: must be a size such as '2MB', is '" +
                  std::string(size) + "'");
  EXPECT_EQ(with([](Resources& r) { r.network->priorities[0].name = "a b"; }),
            "linux.resources.network.priorities[0].name: 'a b' is not a name for a network interface");
  EXPECT_EQ(with([](Resources& r) { r.rdma["a b"].hca_handles = 1; }),
            "linux.resources.rdma: 'a b' is not the name of a device");
  EXPECT_EQ(with([](Resources& r) { r.rdma["x"] = {}; }),
            "linux.resources.rdma['x']: hcaHandles or hcaObjects is required");
  for (const char* file : {"", "memory", "../memory.max", "/memory.max", "a/memory.max", "..", ".x"})
    EXPECT_EQ(with([&](Resources& r) { r.unified[file] = "x"; }),
              "linux.resources.unified: '" + std::string(file) + "' is not the name of a cgroup file");
}

TEST(RuntimeSpec, refuses_wrong_devices) {
  const auto with = [](auto&& change) { return refusal(WITH(change(linux_.devices[0]))); };
  EXPECT_EQ(with([](Device& d) { d.type = "x"; }), "linux.devices[0].type: 'x' is not one of c, b, u, p");
  EXPECT_EQ(with([](Device& d) { d.path = "dev/x"; }),
            "linux.devices[0].path: must be an absolute path, is 'dev/x'");
  EXPECT_EQ(with([](Device& d) { d.path = "/"; }), "linux.devices[0].path: '/' names a directory");
  EXPECT_EQ(with([](Device& d) { d.major = 4096; }),
            "linux.devices[0].major: must be from 0 to 4095, is 4096");
  EXPECT_EQ(with([](Device& d) { d.minor = -1; }),
            "linux.devices[0].minor: must be from 0 to 1048575, is -1");
  EXPECT_EQ(with([](Device& d) { d.type = "p", d.major = d.minor = -1; }), "");
  EXPECT_EQ(with([](Device& d) { d.file_mode = 020666; }), "");  // as dockerd writes it
  EXPECT_EQ(with([](Device& d) { d.file_mode = 060666; }),
            "linux.devices[0].fileMode: 25014 has more than permission bits and the type's");
}

TEST(RuntimeSpec, refuses_wrong_net_devices) {
  for (const char* name : {"", ".", "..", "a/b", "a b", "a:1", "0123456789abcdef", "a\n"})
    EXPECT_TRUE(refusal(WITH(linux_.net_devices[name])).starts_with("linux.netDevices: '")) << name;
  EXPECT_EQ(refusal(WITH(linux_.net_devices["eth1"].name = "a/b")),
            "linux.netDevices['eth1'].name: 'a/b' is not a name for a network interface");
  EXPECT_EQ(refusal(WITH(linux_.net_devices["eth1"].name = "eth2")),
            "linux.netDevices['eth2'].name: 'eth2' is there twice");
}

TEST(RuntimeSpec, refuses_wrong_seccomp) {
  const auto with = [](auto&& change) { return refusal(WITH(change(*linux_.seccomp))); };
  EXPECT_TRUE(with([](Seccomp& s) {
                s.default_action = "ALLOW";
              }).starts_with("linux.seccomp.defaultAction: 'ALLOW' is not one of"));
  EXPECT_EQ(with([](Seccomp& s) { s.default_action = "SCMP_ACT_NOTIFY"; }),
            "linux.seccomp.defaultAction: cannot be SCMP_ACT_NOTIFY");
  EXPECT_EQ(with([](Seccomp& s) { s.default_action = "SCMP_ACT_KILL"; }),
            "linux.seccomp.defaultErrnoRet: SCMP_ACT_KILL returns none");
  EXPECT_TRUE(with([](Seccomp& s) {
                s.architectures = {"x86"};
              }).starts_with("linux.seccomp.architectures[0]: 'x86' is not one of"));
  EXPECT_TRUE(
      with([](Seccomp& s) { s.flags = {{"x"}}; }).starts_with("linux.seccomp.flags[0]: 'x' is not one of"));
  EXPECT_EQ(with([](Seccomp& s) { s.syscalls[1].names.clear(); }),
            "linux.seccomp.syscalls[1].names: must not be empty");
  EXPECT_EQ(with([](Seccomp& s) { s.syscalls[1].names[0] = ""; }),
            "linux.seccomp.syscalls[1].names[0]: must not be empty");
  EXPECT_TRUE(with([](Seccomp& s) {
                s.syscalls[1].action = "";
              }).starts_with("linux.seccomp.syscalls[1].action: '' is not one of"));
  EXPECT_EQ(with([](Seccomp& s) { s.syscalls[1].action = "SCMP_ACT_ALLOW"; }),
            "linux.seccomp.syscalls[1].errnoRet: SCMP_ACT_ALLOW returns none");
  EXPECT_EQ(with([](Seccomp& s) { s.syscalls[1].args[0].index = 6; }),
            "linux.seccomp.syscalls[1].args[0].index: must be from 0 to 5, is 6");
  EXPECT_TRUE(with([](Seccomp& s) {
                s.syscalls[1].args[0].op = "EQ";
              }).starts_with("linux.seccomp.syscalls[1].args[0].op: 'EQ' is not one of"));
  EXPECT_EQ(with([](Seccomp& s) { s.listener_path = ""; }),
            "linux.seccomp.listenerMetadata: needs listenerPath");
  EXPECT_EQ(with([](Seccomp& s) { s.listener_path = s.listener_metadata = ""; }),
            "linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY needs listenerPath");
}

TEST(RuntimeSpec, refuses_the_rest_that_is_wrong) {
  EXPECT_TRUE(refusal(WITH(linux_.rootfs_propagation = "x"))
                  .starts_with("linux.rootfsPropagation: 'x' is not one of private"));
  EXPECT_EQ(refusal(WITH(linux_.intel_rdt->clos_id = "../x")),
            "linux.intelRdt.closID: must be a file name, is '../x'");
  EXPECT_EQ(refusal(WITH(linux_.intel_rdt->mem_bw_schema = "MB:0=1\nL3:0=1")),
            "linux.intelRdt.memBwSchema: must be a line that starts with 'MB:', is 'MB:0=1\\nL3:0=1'");
  EXPECT_EQ(refusal(WITH(linux_.intel_rdt->schemata = {"a\nb"})),
            "linux.intelRdt.schemata[0]: must be one line");
  EXPECT_TRUE(refusal(WITH(linux_.memory_policy->mode = "BIND"))
                  .starts_with("linux.memoryPolicy.mode: 'BIND' is not one of"));
  EXPECT_EQ(refusal(WITH(linux_.memory_policy->mode = "MPOL_LOCAL")),
            "linux.memoryPolicy.nodes: MPOL_LOCAL takes none");
  EXPECT_EQ(refusal(WITH(linux_.memory_policy->nodes = "")),
            "linux.memoryPolicy.nodes: '' is not a list such as '0-3,7'");
  EXPECT_EQ(refusal(WITH(linux_.memory_policy->flags.push_back("MPOL_F_RELATIVE_NODES"))),
            "linux.memoryPolicy.flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other");
  EXPECT_EQ(refusal(WITH(linux_.personality->domain = "BSD")),
            "linux.personality.domain: 'BSD' is not one of LINUX, LINUX32");
  EXPECT_EQ(refusal(WITH(linux_.personality->flags = {"x"})),
            "linux.personality.flags: the specification has none yet");
}

TEST(RuntimeSpec, refuses_json_that_lacks_what_is_required) {
  const auto with = [](std::string text) {
    const auto spec = parse_spec(std::move(text));
    return spec ? "" : spec.error().message();
  };
  EXPECT_EQ(with("{}"), "ociVersion: is required");
  EXPECT_EQ(with(R"({"ociVersion":"1.0.0"})"), "root: is required");
  EXPECT_EQ(with(R"({"ociVersion":"1.0.0","root":{}})"), "root.path: is required");
  EXPECT_EQ(with(R"({"ociVersion":"1.0.0","root":{"path":"r"},"process":{}})"), "process.cwd: is required");
  EXPECT_EQ(with(R"({"ociVersion":"1.0.0","root":{"path":"r\u0000"}})"), "root.path: contains a NUL byte");
  EXPECT_EQ(
      with(R"({"ociVersion":"1.0.0","root":{"path":"r"},"linux":{"namespaces":[{"type":"net"}]}})"),
      "linux.namespaces[0].type: 'net' is not one of mount, pid, network, uts, ipc, user, cgroup, time");
}

TEST(RuntimeSpec, reads_processes_and_resources_alone) {
  EXPECT_EQ(MUST(parse_process(R"({"args":["ls"],"cwd":"/"})")).args.front(), "ls");
  EXPECT_EQ(parse_process(R"({"args":["ls"],"cwd":""})").error().message(),
            "process.cwd: must be an absolute path, is ''");
  EXPECT_EQ(MUST(parse_resources(R"({"pids":{"limit":5}})")).pids->limit, 5);
  EXPECT_EQ(parse_resources(R"({"cpu":{"idle":7}})").error().message(),
            "linux.resources.cpu.idle: must be from 0 to 1, is 7");
  EXPECT_EQ(to_json(MUST(parse_resources("{}"))), "{}");
}

TEST(RuntimeSpec, writes_states) {
  EXPECT_EQ(to_json(State{.oci_version = "1.2.0", .id = "c", .status = "stopped", .bundle = "/b"}),
            R"({"ociVersion":"1.2.0","id":"c","status":"stopped","bundle":"/b"})");
  EXPECT_EQ(
      to_json(State{.oci_version = "1.2.0",
                    .id = "c",
                    .status = "running",
                    .pid = 7,
                    .bundle = "/b",
                    .annotations = {{"a", "b"}}}),
      R"({"ociVersion":"1.2.0","id":"c","status":"running","pid":7,"bundle":"/b","annotations":{"a":"b"}})");
}

TEST(DefaultSpec, is_valid_and_reads_back) {
  for (const Spec& spec : {default_spec(), default_rootless_spec(1000, 100)})
    EXPECT_EQ(to_json(MUST(parse_spec(to_json(spec, json::Style::Indented)))), to_json(spec));
}

TEST(DefaultSpec, can_be_used_without_privileges) {
  const Spec spec = default_rootless_spec(1000, 100);
  EXPECT_TRUE(spec.find_namespace(NamespaceType::User));
  EXPECT_FALSE(spec.find_namespace(NamespaceType::Network));
  EXPECT_EQ(spec.linux_.gid_mappings[0].host_id, 100U);
  EXPECT_EQ(to_json(spec).find("gid=5"), std::string::npos);
}

TEST(Features, tells_what_the_parser_takes) {
  Features features = known_features();
  features.mount_options = {"ro"};
  features.linux_.cgroup.v2 = true;
  features.annotations[std::string(kCheckpointAnnotation)] = "false";
  const json::Document document = MUST(json::Document::parse(to_json(features)));
  const json::Value root = document.root();
  EXPECT_EQ(root.find("ociVersionMin")->as_string(), "1.0.0");
  EXPECT_EQ(root.find("hooks")->to_text(),
            R"(["prestart","createRuntime","createContainer","startContainer","poststart","poststop"])");
  EXPECT_EQ(root.find("mountOptions")->to_text(), R"(["ro"])");
  const json::Value linux_ = *root.find("linux");
  EXPECT_EQ(linux_.find("namespaces")->to_text(),
            R"(["cgroup","ipc","mount","network","pid","time","user","uts"])");
  EXPECT_EQ(linux_.find("cgroup")->to_text(),
            R"({"v1":false,"v2":true,"systemd":false,"systemdUser":false,"rdma":false})");
  EXPECT_EQ(linux_.find("mountExtensions")->to_text(), R"({"idmap":{"enabled":false}})");
  EXPECT_EQ(linux_.find("seccomp")->find("operators")->size(), 7U);
}

// ---- A hostile bundle

// A place in a document: the path that an error there has to name, and the value there.
struct Place {
  std::string path;
  json::Value value;
};

// Every place, in document order.
std::vector<Place> places_in(const json::Value& value, const std::string& path = "") {
  std::vector<Place> places = {{path, value}};
  for (std::size_t i = 0; i < (value.kind() >= json::Kind::Array ? value.size() : 0); ++i) {
    const bool is_object = value.kind() == json::Kind::Object;
    const std::string step =
        is_object ? (path.empty() ? "" : ".") + std::string(value.key(i)) : "[" + std::to_string(i) + "]";
    for (Place& place : places_in(value.at(i), path + step)) places.push_back(std::move(place));
  }
  return places;
}

// Writes `value` with the place of that number replaced; counts `number` down on the way.
void write_replaced(json::Writer& writer, const json::Value& value, std::size_t& number,
                    std::string_view replacement) {
  if (number-- == 0) {
    writer.raw(replacement);
  } else if (value.kind() == json::Kind::Object) {
    writer.begin_object();
    for (std::size_t i = 0; i < value.size(); ++i) {
      writer.key(value.key(i));
      write_replaced(writer, value.at(i), number, replacement);
    }
    writer.end_object();
  } else if (value.kind() == json::Kind::Array) {
    writer.begin_array();
    for (std::size_t i = 0; i < value.size(); ++i) write_replaced(writer, value.at(i), number, replacement);
    writer.end_array();
  } else {
    writer.value(value);
  }
}

std::string with_replaced(const json::Value& value, std::size_t number, std::string_view replacement) {
  json::Writer writer;
  write_replaced(writer, value, number, replacement);
  return std::move(writer).text();
}

// Keys of maps stand in brackets in our messages, so compare the words of a path only.
std::string words_of(std::string_view path) {
  std::string words;
  for (const char c : path)
    if (std::string_view("[]'.").find(c) == std::string_view::npos) words += c;
  return words;
}

TEST(HostileBundle, is_refused_by_field_whatever_is_wrong_where) {
  const json::Document document = MUST(json::Document::parse(std::string(kFullSpec)));
  const std::vector<Place> places = places_in(document.root());
  ASSERT_GT(places.size(), 250U);

  const std::string deep = std::string(100, '[') + std::string(100, ']');
  const std::string long_text = "\"" + std::string(10'000, 'x') + "\"";
  const std::string_view replacements[] = {"null",
                                           "true",
                                           "-1",
                                           "1e300",
                                           "184467440737095516160",
                                           "1.5",
                                           "\"\"",
                                           "\"x\"",
                                           "\"../..\"",
                                           "\"\\u0000\"",
                                           "\"\\u001b[31m\\n\"",
                                           long_text,
                                           "[]",
                                           "{}",
                                           "[null]",
                                           "[[]]",
                                           "[{}]",
                                           "[\"x\",1]",
                                           "{\"x\":null}",
                                           "{\"x\":1}",
                                           "{\"\":{}}",
                                           deep};
  std::size_t refused = 0;
  for (std::size_t target = 1; target < places.size(); ++target) {
    const auto& [path, original] = places[target];
    for (const std::string_view replacement : replacements) {
      const std::string text = with_replaced(document.root(), target, replacement);
      const Result<Spec> spec = parse_spec(text);
      if (spec) {
        // Whatever was let through has to be something that reads back as itself.
        const std::string written = to_json(*spec);
        EXPECT_EQ(to_json(MUST(parse_spec(written))), written);
        continue;
      }
      ++refused;
      const std::string& message = spec.error().message();
      EXPECT_LT(message.size(), 700U) << message;
      EXPECT_EQ(message.find_first_of(std::string_view("\n\x1b\0", 3)), std::string::npos) << message;
      const std::string where = message.substr(0, message.find(": "));

      // A wrong kind is the fault of just this field. A wrong value may be another's: without a namespace
      // the hostname is wrong; both fields are in the same document, so only the form is checked then.
      const json::Document wrong = MUST(json::Document::parse(std::string(replacement)));
      const bool is_other_kind = wrong.root().kind() != original.kind() && replacement != "null";
      if (is_other_kind) {
        EXPECT_EQ(words_of(where), words_of(path))
            << "replaced by " << replacement.substr(0, 40) << ": " << message;
      } else {
        EXPECT_NE(where, message) << "names no field";
      }
    }
  }
  EXPECT_GT(refused, places.size() * 12);
}

TEST(HostileBundle, never_crashes_when_cut_off) {
  for (std::size_t size = 0; size < kFullSpec.size(); size += 3)
    EXPECT_FALSE(parse_spec(std::string(kFullSpec.substr(0, size))));
}

TEST(HostileBundle, may_be_long_but_not_endless) {
  EXPECT_FALSE(parse_spec(std::string(17 << 20, ' ')));
  const std::string many =
      "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\",\"args\":[" +
      [] {
        std::string args;
        for (int i = 0; i < 100'000; ++i) args += "\"x\",";
        return args;
      }() +
      "\"x\"]}}";
  EXPECT_EQ(MUST(parse_spec(many)).process->args.size(), 100'001U);
}

}  // namespace
}  // namespace gantry::oci
