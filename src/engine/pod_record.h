// SPDX-License-Identifier: Apache-2.0
//
// A pod: namespaces that containers share, a control group above theirs, and their lives together. No process
// holds the namespaces; bind mounts do (<run>/pods/<id>/user, ipc, uts; the network's sandbox), so a pod
// without containers costs no memory, and each of its containers may end and start again without the others
// noticing.
//
// A pid namespace cannot be held so: it lives as long as its process 1. A pod that shares processes therefore
// has that of its first container, the leader; the others join it and end with it (pods.h).
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
  std::map<std::string, std::string> sysctls;  // of its network and IPC namespaces
  // As HostConfig.NetworkMode: a network's name, "none" or "host"; empty: the default network.
  std::string network_mode;
  std::map<std::string, network::EndpointSettings> endpoints;  // by network, as for a container
  container::PortMap port_bindings;                            // published for all of its containers
  std::vector<std::string> dns, dns_options, dns_search, extra_hosts;
  bool host_ipc = false;           // no IPC namespace of its own
  bool share_pid = false;          // its containers see each other's processes
  std::int64_t shm_size = 0;       // bytes of their /dev/shm; 0: the engine's default
  std::string cgroup_parent;       // of its own control group; empty: the engine's
  container::Resources resources;  // limits of all of its containers together
  std::string userns_mode;         // "host": no user namespace of its own where others have one
  std::vector<IdMapping> uid_mappings, gid_mappings;  // as the engine's when it was made; not for clients
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
