// SPDX-License-Identifier: Apache-2.0
#include "container/settings.h"

namespace gantry::container {

using enum json::Presence;

// What Docker always writes is written always: clients take these keys without a look whether they are there.

void fields(json::Fields& f, Config& config) {
  f("Hostname", config.hostname, Always);
  f("Domainname", config.domainname, Always);
  f("User", config.user, Always);
  f("AttachStdin", config.attach_stdin, Always);
  f("AttachStdout", config.attach_stdout, Always);
  f("AttachStderr", config.attach_stderr, Always);
  f("ExposedPorts", config.exposed_ports);
  f("Tty", config.tty, Always);
  f("OpenStdin", config.open_stdin, Always);
  f("StdinOnce", config.stdin_once, Always);
  f("Env", config.env, Always);
  f("Cmd", config.cmd, Always);
  f("Healthcheck", config.healthcheck);
  f("ArgsEscaped", config.args_escaped);
  f("Image", config.image, Always);
  f("Volumes", config.volumes, Always);
  f("WorkingDir", config.working_dir, Always);
  f("Entrypoint", config.entrypoint, Always);
  f("NetworkDisabled", config.network_disabled);
  f("MacAddress", config.mac_address);
  f("OnBuild", config.on_build, Always);
  f("Labels", config.labels, Always);
  f("StopSignal", config.stop_signal);
  f("StopTimeout", config.stop_timeout);
  f("Shell", config.shell);
}

void fields(json::Fields& f, LogConfig& config) {
  f("Type", config.type, Always);
  f("Config", config.config, Always);
}

void fields(json::Fields& f, PortBinding& binding) {
  f("HostIp", binding.host_ip, Always);
  f("HostPort", binding.host_port, Always);
}

void fields(json::Fields& f, RestartPolicy& policy) {
  f("Name", policy.name, Always);
  f("MaximumRetryCount", policy.maximum_retry_count, Always);
}

static void fields(json::Fields& f, WeightDevice& device) {
  f("Path", device.path, Always);
  f("Weight", device.weight, Always);
}

static void fields(json::Fields& f, ThrottleDevice& device) {
  f("Path", device.path, Always);
  f("Rate", device.rate, Always);
}

static void fields(json::Fields& f, DeviceMapping& device) {
  f("PathOnHost", device.path_on_host, Always);
  f("PathInContainer", device.path_in_container, Always);
  f("CgroupPermissions", device.cgroup_permissions, Always);
}

static void fields(json::Fields& f, DeviceRequest& request) {
  f("Driver", request.driver, Always);
  f("Count", request.count, Always);
  f("DeviceIDs", request.device_ids, Always);
  f("Capabilities", request.capabilities, Always);
  f("Options", request.options, Always);
}

static void fields(json::Fields& f, Ulimit& limit) {
  f("Name", limit.name, Always);
  f("Hard", limit.hard, Always);
  f("Soft", limit.soft, Always);
}

void fields(json::Fields& f, Resources& resources) {
  f("CpuShares", resources.cpu_shares, Always);
  f("Memory", resources.memory, Always);
  f("NanoCpus", resources.nano_cpus, Always);
  f("CgroupParent", resources.cgroup_parent, Always);
  f("BlkioWeight", resources.blkio_weight, Always);
  f("BlkioWeightDevice", resources.blkio_weight_device, Always);
  f("BlkioDeviceReadBps", resources.blkio_device_read_bps, Always);
  f("BlkioDeviceWriteBps", resources.blkio_device_write_bps, Always);
  f("BlkioDeviceReadIOps", resources.blkio_device_read_iops, Always);
  f("BlkioDeviceWriteIOps", resources.blkio_device_write_iops, Always);
  f("CpuPeriod", resources.cpu_period, Always);
  f("CpuQuota", resources.cpu_quota, Always);
  f("CpuRealtimePeriod", resources.cpu_realtime_period, Always);
  f("CpuRealtimeRuntime", resources.cpu_realtime_runtime, Always);
  f("CpusetCpus", resources.cpuset_cpus, Always);
  f("CpusetMems", resources.cpuset_mems, Always);
  f("Devices", resources.devices, Always);
  f("DeviceCgroupRules", resources.device_cgroup_rules, Always);
  f("DeviceRequests", resources.device_requests, Always);
  f("KernelMemory", resources.kernel_memory);
  f("KernelMemoryTCP", resources.kernel_memory_tcp);
  f("MemoryReservation", resources.memory_reservation, Always);
  f("MemorySwap", resources.memory_swap, Always);
  f("MemorySwappiness", resources.memory_swappiness, Always);
  f("OomKillDisable", resources.oom_kill_disable, Always);
  f("Init", resources.init);
  f("PidsLimit", resources.pids_limit, Always);
  f("Ulimits", resources.ulimits, Always);
  f("CpuCount", resources.cpu_count, Always);
  f("CpuPercent", resources.cpu_percent, Always);
  f("IOMaximumIOps", resources.io_maximum_iops, Always);
  f("IOMaximumBandwidth", resources.io_maximum_bandwidth, Always);
}

static void fields(json::Fields& f, BindOptions& options) {
  f("Propagation", options.propagation);
  f("NonRecursive", options.non_recursive);
  f("CreateMountpoint", options.create_mountpoint);
  f("ReadOnlyNonRecursive", options.read_only_non_recursive);
  f("ReadOnlyForceRecursive", options.read_only_force_recursive);
}

static void fields(json::Fields& f, VolumeDriver& driver) {
  f("Name", driver.name);
  f("Options", driver.options);
}

static void fields(json::Fields& f, VolumeOptions& options) {
  f("NoCopy", options.no_copy);
  f("Labels", options.labels);
  f("DriverConfig", options.driver_config);
  f("Subpath", options.subpath);
}

static void fields(json::Fields& f, ImageMountOptions& options) { f("Subpath", options.subpath); }

static void fields(json::Fields& f, TmpfsOptions& options) {
  f("SizeBytes", options.size_bytes);
  f("Mode", options.mode);
  f("Options", options.options);
}

void fields(json::Fields& f, Mount& mount) {
  f("Type", mount.type);
  f("Source", mount.source);
  f("Target", mount.target);
  f("ReadOnly", mount.read_only);
  f("Consistency", mount.consistency);
  f("BindOptions", mount.bind_options);
  f("VolumeOptions", mount.volume_options);
  f("ImageOptions", mount.image_options);
  f("TmpfsOptions", mount.tmpfs_options);
}

void fields(json::Fields& f, HostConfig& config) {
  f("Binds", config.binds, Always);
  f("ContainerIDFile", config.container_id_file, Always);
  f("LogConfig", config.log_config, Always);
  f("NetworkMode", config.network_mode, Always);
  f("PortBindings", config.port_bindings, Always);
  f("RestartPolicy", config.restart_policy, Always);
  f("AutoRemove", config.auto_remove, Always);
  f("VolumeDriver", config.volume_driver, Always);
  f("VolumesFrom", config.volumes_from, Always);
  f("ConsoleSize", config.console_size, Always);
  f("Annotations", config.annotations);
  f("Mounts", config.mounts);
  f("CapAdd", config.cap_add, Always);
  f("CapDrop", config.cap_drop, Always);
  f("CgroupnsMode", config.cgroupns_mode, Always);
  f("Dns", config.dns, Always);
  f("DnsOptions", config.dns_options, Always);
  f("DnsSearch", config.dns_search, Always);
  f("ExtraHosts", config.extra_hosts, Always);
  f("GroupAdd", config.group_add, Always);
  f("IpcMode", config.ipc_mode, Always);
  f("Cgroup", config.cgroup, Always);
  f("Links", config.links, Always);
  f("OomScoreAdj", config.oom_score_adj, Always);
  f("PidMode", config.pid_mode, Always);
  f("Privileged", config.privileged, Always);
  f("PublishAllPorts", config.publish_all_ports, Always);
  f("ReadonlyRootfs", config.readonly_rootfs, Always);
  f("SecurityOpt", config.security_opt, Always);
  f("StorageOpt", config.storage_opt);
  f("Tmpfs", config.tmpfs);
  f("UTSMode", config.uts_mode, Always);
  f("UsernsMode", config.userns_mode, Always);
  f("ShmSize", config.shm_size, Always);
  f("Sysctls", config.sysctls);
  f("Runtime", config.runtime, Always);
  f("Isolation", config.isolation, Always);
  fields(f, static_cast<Resources&>(config));
  f("MaskedPaths", config.masked_paths, Always);
  f("ReadonlyPaths", config.readonly_paths, Always);
}

void fields(json::Fields& f, MountPoint& mount) {
  f("Type", mount.type);
  f("Name", mount.name);
  f("Source", mount.source, Always);
  f("Destination", mount.destination, Always);
  f("Driver", mount.driver);
  f("Mode", mount.mode, Always);
  f("RW", mount.rw, Always);
  f("Propagation", mount.propagation, Always);
}

}  // namespace gantry::container
