// SPDX-License-Identifier: Apache-2.0
//
// What a control plane is told: by gantryd's configuration (docs/formats/control-plane-config.md) or by flags
// of `gantry server`, which are kube-apiserver's where it has the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kube/access/modes.h"
#include "kube/audit/log_file.h"
#include "kube/connect/node_agents.h"
#include "kube/connect/service_router.h"
#include "kube/identity/authentication.h"
#include "store/etcd/etcd_options.h"

namespace gantry::kube {

struct ControlPlaneOptions {
  std::string directory = "/var/lib/gantry/control-plane";  // of the store and of everything secret
  std::string bind_address = "0.0.0.0";
  std::uint16_t secure_port = 6443;
  std::string advertise_address;           // where nodes and pods reach it; empty: found out
  std::vector<std::string> server_names;   // that its certificate has beside the usual ones
  std::optional<store::EtcdOptions> etcd;  // none: the store is in the directory
  std::string cluster_domain = "cluster.local";
  std::string service_addresses = "10.96.0.0/16";
  std::string service_node_ports = "30000-32767";
  AccessOptions access;
  AuthenticationOptions authentication;
  std::string encryption_config;    // --encryption-provider-config; empty: values are as they are
  bool reloads_encryption = false;  // --encryption-provider-config-automatic-reload
  std::string audit_policy;         // --audit-policy-file; empty: nothing is written
  AuditLogOptions audit_log;
  NodeAgentOptions agents;                                     // an empty identity: the directory's
  ServiceRouting service_routing = ServiceRouting::Endpoints;  // of webhooks and other API servers
  std::string node_name;          // whose kubeconfig is made, too; empty: nobody's
  std::size_t max_requests = 64;  // at work at once; more wait for their turn
};

}  // namespace gantry::kube
