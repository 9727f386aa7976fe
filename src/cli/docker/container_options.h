// SPDX-License-Identifier: Apache-2.0
//
// The options that `run` and `create` share, and the body of POST /containers/create that they become.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"
#include "base/options.h"
#include "cli/docker/limit_options.h"
#include "container/settings.h"
#include "network/config.h"

namespace gantry::cli::docker {

struct ContainerOptions {
  using Words = std::vector<std::string>;
  using Number = std::optional<std::int64_t>;

  // What the container runs, and as whom
  std::string user, workdir, hostname, domainname, stop_signal;
  Words entrypoint;  // the last counts; "" takes the image's away
  Words env, env_file, label, label_file, attach, annotation;
  bool tty = false, interactive = false, init = false;
  Number stop_timeout;
  // Networks
  Words network, network_alias, link, publish, expose, dns, dns_option, dns_search, add_host, link_local_ip;
  std::string ip, ip6, mac_address;
  bool publish_all = false;
  // Files
  Words volume, mount, tmpfs, volumes_from, device, storage_opt;
  std::string volume_driver, shm_size;
  bool read_only = false;
  // Rights
  Words cap_add, cap_drop, security_opt, group_add, device_cgroup_rule;
  bool privileged = false;
  std::string userns, pid, ipc, uts, cgroupns, cgroup_parent, gpus, runtime, isolation;
  // Limits
  LimitOptions limits;
  std::string kernel_memory;
  Number memory_swappiness, oom_score_adj;
  Words ulimit, sysctl, blkio_weight_device, device_read_bps, device_write_bps, device_read_iops,
      device_write_iops;
  bool oom_kill_disable = false;
  // Life
  std::string restart = "no", log_driver;
  Words log_opt;
  bool rm = false;
  std::string health_cmd, health_interval, health_timeout, health_start_period, health_start_interval;
  Number health_retries;
  bool no_healthcheck = false;
  std::string pod;
  // What is asked of the client
  std::string name, platform, cidfile, pull = "missing";
  bool quiet = false, disable_content_trust = true;
  bool detach = false;  // of `run`: nobody is at its streams

  // Rows of a table; `run` has some more.
  std::vector<Option> table();
};

// The body of the request: Docker's keys, and the settings of both.
struct CreateBody {
  container::Config config;
  container::HostConfig host_config;
  std::map<std::string, network::EndpointSettings> endpoints;  // by network
};
std::string to_json(CreateBody body);

// `command` may be empty: the image's.
Result<CreateBody> create_body(const ContainerOptions& options, const std::string& image,
                               const std::vector<std::string>& command);

// "on-failure:3"
Result<container::RestartPolicy> parse_restart_policy(const std::string& text);

}  // namespace gantry::cli::docker
