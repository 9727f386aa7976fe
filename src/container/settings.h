// SPDX-License-Identifier: Apache-2.0
//
// What a container is told to be, in Docker's words: the body of POST /containers/create, the engine's
// record on disk, the answer of inspect, and what pods are made of. A member is the snake_case of its JSON
// key (HostConfig.NetworkMode is `network_mode`), and its comment says the unit and what "not given" is.
//
//   Config config = TRY(json::decode<Config>(body));           // unknown keys are ignored
//   HostConfig host = TRY(json::decode<HostConfig>(*body.find("HostConfig")));
//   config = TRY(merge_image(std::move(config), image));       // merge_image.h
//   Warnings warnings = TRY(check_settings(config, host, facts));   // check.h: refuses, or says what it
//   ignores
//
// Plain values without meaning of their own: nothing here touches the system.
//
// Keys and types: Docker Engine API 1.56 (ContainerConfig, HostConfig, Resources, Mount), and of older
// versions what their clients still send.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json_codec.h"
#include "oci/image/image_config.h"

namespace gantry::container {

using StringMap = std::map<std::string, std::string>;
using oci::StringSet;  // Go writes a set as an object whose values are {}

// A list of words that JSON may also give as one string, for a list of one.
struct Words : std::vector<std::string> {
  using std::vector<std::string>::vector;
  Words(std::vector<std::string> words) : std::vector<std::string>(std::move(words)) {}
};

using HealthConfig = oci::Healthcheck;  // times in nanoseconds; 0: the default (health.h)

struct Config {
  std::string hostname;  // empty: the first 12 digits of the id
  std::string domainname;
  std::string user;  // "user", "uid", "user:group", "uid:gid"; empty: the image's, else root
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  StringSet exposed_ports;  // "80/tcp"
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = false;       // the first client that leaves ends standard input
  std::vector<std::string> env;  // "NAME=value"; "NAME" alone takes the variable away
  Words cmd;
  std::optional<HealthConfig> healthcheck;  // absent: the image's
  bool args_escaped = false;                // Windows
  std::string image;                        // as it was asked for
  StringSet volumes;                        // anonymous volumes, by where they are mounted
  std::string working_dir;
  std::optional<Words> entrypoint;  // absent: the image's; empty: none; {""}: none, nor the image's Cmd
  bool network_disabled = false;
  std::string mac_address;  // of clients older than 1.44; newer ones say it in the endpoint
  std::vector<std::string> on_build;
  StringMap labels;
  std::string stop_signal;                   // "SIGTERM", "15"; empty: the image's, else SIGTERM
  std::optional<std::int64_t> stop_timeout;  // seconds; -1: for ever
  std::vector<std::string> shell;
  friend bool operator==(const Config&, const Config&) = default;
};

struct LogConfig {
  std::string type;  // empty: the daemon's default
  StringMap config;
  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

struct PortBinding {
  std::string host_ip;    // empty: all
  std::string host_port;  // "8080", "8000-8010", empty: any that is free
  friend bool operator==(const PortBinding&, const PortBinding&) = default;
};
using PortMap = std::map<std::string, std::vector<PortBinding>>;  // by "80/tcp"

struct RestartPolicy {
  std::string name;  // "", "no", "always", "unless-stopped", "on-failure"
  std::int64_t maximum_retry_count = 0;
  friend bool operator==(const RestartPolicy&, const RestartPolicy&) = default;
};

struct WeightDevice {
  std::string path;
  std::uint16_t weight = 0;
  friend bool operator==(const WeightDevice&, const WeightDevice&) = default;
};

struct ThrottleDevice {
  std::string path;
  std::uint64_t rate = 0;  // bytes or operations a second
  friend bool operator==(const ThrottleDevice&, const ThrottleDevice&) = default;
};

struct DeviceMapping {
  std::string path_on_host;
  std::string path_in_container;
  std::string cgroup_permissions;  // of "rwm"
  friend bool operator==(const DeviceMapping&, const DeviceMapping&) = default;
};

struct DeviceRequest {
  std::string driver;
  std::int64_t count = 0;  // -1: all
  std::vector<std::string> device_ids;
  std::vector<std::vector<std::string>> capabilities;  // any of these lists, all of its words
  StringMap options;
  friend bool operator==(const DeviceRequest&, const DeviceRequest&) = default;
};

struct Ulimit {
  std::string name;       // "nofile"
  std::int64_t soft = 0;  // -1: unlimited
  std::int64_t hard = 0;
  friend bool operator==(const Ulimit&, const Ulimit&) = default;
};

// What POST /containers/{id}/update may change, too. 0, empty and absent: no limit, or unchanged.
struct Resources {
  std::int64_t cpu_shares = 0;
  std::int64_t memory = 0;  // bytes
  std::string cgroup_parent;
  std::uint16_t blkio_weight = 0;  // 10 to 1000
  std::vector<WeightDevice> blkio_weight_device;
  std::vector<ThrottleDevice> blkio_device_read_bps;
  std::vector<ThrottleDevice> blkio_device_write_bps;
  std::vector<ThrottleDevice> blkio_device_read_iops;
  std::vector<ThrottleDevice> blkio_device_write_iops;
  std::int64_t cpu_period = 0;  // microseconds, as the next three
  std::int64_t cpu_quota = 0;
  std::int64_t cpu_realtime_period = 0;
  std::int64_t cpu_realtime_runtime = 0;
  std::string cpuset_cpus;  // "0-3,7"
  std::string cpuset_mems;
  std::vector<DeviceMapping> devices;
  std::vector<std::string> device_cgroup_rules;  // "c 13:* rwm"
  std::vector<DeviceRequest> device_requests;
  std::int64_t kernel_memory = 0;                 // bytes; gone from API 1.42
  std::int64_t kernel_memory_tcp = 0;             // bytes
  std::int64_t memory_reservation = 0;            // bytes
  std::int64_t memory_swap = 0;                   // memory and swap together, bytes; -1: unlimited swap
  std::optional<std::int64_t> memory_swappiness;  // 0 to 100; -1: unchanged
  std::int64_t nano_cpus = 0;                     // billionths of a CPU
  std::optional<bool> oom_kill_disable;
  std::optional<bool> init;                // absent: the daemon's default
  std::optional<std::int64_t> pids_limit;  // 0, -1: unlimited; absent in an update: unchanged
  std::vector<Ulimit> ulimits;
  std::int64_t cpu_count = 0;  // Windows, as the next three
  std::int64_t cpu_percent = 0;
  std::uint64_t io_maximum_iops = 0;
  std::uint64_t io_maximum_bandwidth = 0;
  friend bool operator==(const Resources&, const Resources&) = default;
};

struct BindOptions {
  std::string propagation;  // "rprivate", ...; empty: rprivate
  bool non_recursive = false;
  bool create_mountpoint = false;  // the source, if it is missing
  bool read_only_non_recursive = false;
  bool read_only_force_recursive = false;
  friend bool operator==(const BindOptions&, const BindOptions&) = default;
};

struct VolumeDriver {
  std::string name;
  StringMap options;
  friend bool operator==(const VolumeDriver&, const VolumeDriver&) = default;
};

struct VolumeOptions {
  bool no_copy = false;  // an empty volume stays empty
  StringMap labels;
  std::optional<VolumeDriver> driver_config;
  std::string subpath;  // relative, without ".."
  friend bool operator==(const VolumeOptions&, const VolumeOptions&) = default;
};

struct ImageMountOptions {
  std::string subpath;
  friend bool operator==(const ImageMountOptions&, const ImageMountOptions&) = default;
};

struct TmpfsOptions {
  std::int64_t size_bytes = 0;                    // 0: unlimited
  std::uint32_t mode = 0;                         // permission bits; 0: 01777
  std::vector<std::vector<std::string>> options;  // {"noexec"} or {"uid", "1000"}
  friend bool operator==(const TmpfsOptions&, const TmpfsOptions&) = default;
};

struct Mount {
  std::string type;    // "bind", "volume", "tmpfs", "image"; "npipe" and "cluster" are refused
  std::string source;  // a host path, a volume's name (empty: anonymous), an image
  std::string target;  // in the container
  bool read_only = false;
  std::string consistency;  // of Docker Desktop; no meaning on Linux
  std::optional<BindOptions> bind_options;
  std::optional<VolumeOptions> volume_options;
  std::optional<ImageMountOptions> image_options;
  std::optional<TmpfsOptions> tmpfs_options;
  friend bool operator==(const Mount&, const Mount&) = default;
};

struct HostConfig : Resources {
  std::vector<std::string> binds;  // "source:target[:options]"
  std::string container_id_file;   // written by the client; kept for inspect
  LogConfig log_config;
  std::string
      network_mode;  // "bridge", "host", "none", "container:ID", a network; empty or "default": bridge
  PortMap port_bindings;
  RestartPolicy restart_policy;
  bool auto_remove = false;
  std::string volume_driver;
  std::vector<std::string> volumes_from;    // "container[:ro|rw]"
  std::vector<std::uint32_t> console_size;  // {rows, columns}; empty: none
  StringMap annotations;
  std::vector<Mount> mounts;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::string cgroupns_mode;  // "private", "host"; empty: private with cgroup v2, host with v1
  std::vector<std::string> dns;
  std::vector<std::string> dns_options;
  std::vector<std::string> dns_search;
  std::vector<std::string> extra_hosts;  // "name:address"
  std::vector<std::string> group_add;
  std::string ipc_mode;            // "none", "private", "shareable", "host", "container:ID"; empty: private
  std::string cgroup;              // refused unless empty: "container:ID" was never finished by Docker
  std::vector<std::string> links;  // "container[:alias]"
  std::int64_t oom_score_adj = 0;  // -1000 to 1000
  std::string pid_mode;            // "host", "container:ID"; empty: its own
  bool privileged = false;
  bool publish_all_ports = false;
  bool readonly_rootfs = false;
  std::vector<std::string> security_opt;
  StringMap storage_opt;
  StringMap tmpfs;            // options of mount(8) by target
  std::string uts_mode;       // "host"; empty: its own
  std::string userns_mode;    // "host", "private", "container:ID"; empty: the daemon's default
  std::int64_t shm_size = 0;  // bytes; 0: 64 MiB
  StringMap sysctls;
  std::string runtime;
  std::string isolation;                                 // Windows
  std::optional<std::vector<std::string>> masked_paths;  // absent: the defaults (isolation.h)
  std::optional<std::vector<std::string>> readonly_paths;
  friend bool operator==(const HostConfig&, const HostConfig&) = default;
};

// A mount as inspect shows it: a bind, a volume, a tmpfs asked for by `mounts`.
struct MountPoint {
  std::string type;
  std::string name;    // of a volume
  std::string source;  // on the host
  std::string destination;
  std::string driver;
  std::string mode;  // the options of a bind as they were written
  bool rw = true;
  std::string propagation;
  friend bool operator==(const MountPoint&, const MountPoint&) = default;
};

// What does not stop a request, but its user should know: sentences, as POST /containers/create answers them.
using Warnings = std::vector<std::string>;

void fields(json::Fields& f, Config& config);
void fields(json::Fields& f, HostConfig& config);  // with those of Resources, as Docker has them
void fields(json::Fields& f, Resources& resources);
void fields(json::Fields& f, RestartPolicy& policy);
void fields(json::Fields& f, LogConfig& config);
void fields(json::Fields& f, PortBinding& binding);
void fields(json::Fields& f, Mount& mount);
void fields(json::Fields& f, MountPoint& mount);

}  // namespace gantry::container

template <>
struct gantry::json::TypeOf<gantry::container::Words>
    : gantry::json::OneOrMoreTypeOf<gantry::container::Words> {};
