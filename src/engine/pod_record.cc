// SPDX-License-Identifier: Apache-2.0
#include "engine/pod_record.h"

namespace gantry::engine {

void fields(json::Fields& f, PodSettings& settings) {
  f("Hostname", settings.hostname);
  f("Domainname", settings.domainname);
  f("Labels", settings.labels);
  f("Sysctls", settings.sysctls);
  f("NetworkMode", settings.network_mode);
  f("Endpoints", settings.endpoints);
  f("PortBindings", settings.port_bindings);
  f("Dns", settings.dns);
  f("DnsOptions", settings.dns_options);
  f("DnsSearch", settings.dns_search);
  f("ExtraHosts", settings.extra_hosts);
  f("HostIpc", settings.host_ipc);
  f("SharePid", settings.share_pid);
  f("ShmSize", settings.shm_size);
  f("CgroupParent", settings.cgroup_parent);
  f("Resources", settings.resources);
  f("UsernsMode", settings.userns_mode);
  f("UidMappings", settings.uid_mappings);
  f("GidMappings", settings.gid_mappings);
}

}  // namespace gantry::engine
