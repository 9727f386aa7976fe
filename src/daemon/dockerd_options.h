// SPDX-License-Identifier: Apache-2.0
//
// dockerd's flags and its daemon.json, for a gantryd that is called dockerd: what it takes over, and what it
// ignores and why. Its own directories are the defaults, so that it never takes Docker's data for its own.
//
//   DockerdOptions options = TRY(DockerdOptions::parse(arguments));
//   for (const std::string& note : options.notes) log.warn(...);
//
// A flag goes before the file. A flag or key that dockerd does not have is an error.
// https://docs.docker.com/reference/cli/dockerd/
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/options.h"
#include "daemon/engine_config.h"

namespace gantry::daemon {

struct DockerdOptions {
  struct Runtime {
    std::string path;
    std::vector<std::string> runtime_args;
  };
  struct Ulimit {
    std::string name;
    std::int64_t hard = 0, soft = 0;
  };

  // ---- in dockerd's words
  std::string config_file;  // empty: /etc/docker/daemon.json if it is there
  std::string data_root = "/var/lib/gantry";
  std::string exec_root = "/run/gantry";
  std::string pidfile;
  std::vector<std::string> hosts;
  std::string group;
  bool debug = false;
  std::string log_level = "info";
  std::string log_format = "text";
  std::string metrics_addr;
  bool tls = false, tls_verify = false;
  std::string tls_ca_cert, tls_cert, tls_key;
  std::vector<std::string> labels;
  std::vector<std::string> insecure_registries, registry_mirrors;
  std::vector<std::string> dns, dns_opts, dns_search;
  std::string bridge, bip;
  std::int64_t mtu = 0;
  bool ipv6 = false, ip_forward = true;
  std::vector<AddressPoolConfig> default_address_pools;
  std::string cgroup_parent, default_cgroupns_mode, default_ipc_mode;
  std::string default_runtime;
  std::map<std::string, Runtime> runtimes;
  std::string default_shm_size;
  std::map<std::string, Ulimit> default_ulimits;
  std::vector<std::string> exec_opts;
  bool init = false, no_new_privileges = false;
  std::string seccomp_profile;
  std::string log_driver = "json-file";
  std::map<std::string, std::string> log_opts;
  std::string storage_driver;
  std::string userns_remap;
  bool validate = false, version = false, help = false;

  // What was asked for and is not done, with the reason: sentences.
  std::vector<std::string> notes;

  // Flags, and the file that they or the default name.
  static Result<DockerdOptions> parse(std::span<const std::string> arguments);
  // InvalidArgument for what cannot be done and must not be ignored.
  Result<EngineConfig> engine() const;
  // The text of --help.
  static std::string help_text();
};

}  // namespace gantry::daemon
