// SPDX-License-Identifier: Apache-2.0
#include "daemon/engine_config.h"

namespace gantry::daemon {

using json::Fields;
using enum json::Presence;

static void fields(Fields& f, EngineTls& tls) {
  f("certificate", tls.certificate, Required);
  f("key", tls.key, Required);
  f("clientCa", tls.client_ca);
}

void fields(Fields& f, AddressPoolConfig& pool) {
  f("base", pool.base, Required);
  f("size", pool.size, Required);
}

static void fields(Fields& f, NetworkDefaults& network) {
  f("bridge", network.bridge);
  f("address", network.address);
  f("addressPools", network.address_pools);
  f("mtu", network.mtu);
  f("ipv6", network.ipv6);
  f("ipForward", network.ip_forward);
}

static void fields(Fields& f, UlimitConfig& limit) {
  f("soft", limit.soft, Required);
  f("hard", limit.hard, Required);
}

static void fields(Fields& f, ContainerDefaults& containers) {
  f("cgroupParent", containers.cgroup_parent);
  f("cgroupnsMode", containers.cgroupns_mode);
  f("ipcMode", containers.ipc_mode);
  f("shmSize", containers.shm_size);
  f("init", containers.init);
  f("noNewPrivileges", containers.no_new_privileges);
  f("seccompProfile", containers.seccomp_profile);
  f("logDriver", containers.log_driver);
  f("logOptions", containers.log_options);
  f("ulimits", containers.ulimits);
  f("dns", containers.dns);
  f("dnsOptions", containers.dns_options);
  f("dnsSearch", containers.dns_search);
  f("usernsRemap", containers.userns_remap);
}

static void fields(Fields& f, EngineConfig& config) {
  f("run", config.run);
  f("listen", config.listen);
  f("group", config.group);
  f("tls", config.tls);
  f("allowAnybody", config.allows_anybody);
  f("metricsAddress", config.metrics_address);
  f("pidFile", config.pid_file);
  f("programs", config.programs);
  f("runtimes", config.runtimes);
  f("defaultRuntime", config.default_runtime);
  f("systemdCgroup", config.systemd_cgroup);
  f("labels", config.labels);
  f("insecureRegistries", config.insecure_registries);
  f("registryMirrors", config.registry_mirrors);
  f("containers", config.containers);
  f("network", config.network);
}

Result<EngineConfig> EngineConfig::parse(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json)));
  EngineConfig config = TRY(json::decode<EngineConfig>(document.root(), json::UnknownKeys::Refuse));
  if (!config.run.starts_with('/')) return error(Code::InvalidArgument, "run: expected an absolute path");
  return config;
}

}  // namespace gantry::daemon
