// SPDX-License-Identifier: Apache-2.0
//
// A pod: namespaces that containers share, and their lives together. No process holds the namespaces; bind
// mounts do (<run>/pods/<id>/ipc, uts; the network's sandbox), so a pod without containers costs no memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json_codec.h"
#include "container/settings.h"
#include "engine/container_record.h"
#include "network/config.h"

namespace gantry::engine {

struct PodSettings {
  std::string hostname;  // empty: the name
  std::string domainname;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> sysctls;  // of the namespaces it has
  // As HostConfig.NetworkMode: a network's name, "none" or "host"; empty: the default network.
  std::string network_mode;
  std::map<std::string, network::EndpointSettings> endpoints;  // by network, as for a container
  container::PortMap port_bindings;                            // published for all of its containers
  std::vector<std::string> dns, dns_options, dns_search, extra_hosts;
  bool host_ipc = false;      // no IPC namespace of its own
  std::string cgroup_parent;  // of its containers; empty: the engine's
};
void fields(json::Fields& f, PodSettings& settings);

struct PodRecord {
  std::string id;    // 64 hexadecimal digits
  std::string name;  // pods have names of their own: a container may have the same
  TimeNs created = 0;
  std::shared_ptr<const PodSettings> settings;
  std::shared_ptr<const ContainerNetworks> networks;
  bool is_running = false;  // its namespaces are there
};
using PodRef = std::shared_ptr<const PodRecord>;

}  // namespace gantry::engine
