// SPDX-License-Identifier: Apache-2.0
//
// What the control plane is told: `roles.controlPlane` of gantryd's configuration
// (docs/formats/control-plane-config.md), or flags of `gantry server`, which are kube-apiserver's where that
// has the same (https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"
#include "base/options.h"
#include "kube/control_plane/options.h"

namespace gantry::daemon {

struct ControlPlaneConfig {
  std::string directory = "/var/lib/gantry/control-plane";
  std::string bind_address = "0.0.0.0";
  int secure_port = 6443;
  std::string advertise_address;
  std::vector<std::string> server_names;
  std::vector<std::string> etcd_servers;
  std::string etcd_authority, etcd_certificate, etcd_key;  // PEM files
  std::string cluster_domain = "cluster.local";
  std::string service_addresses = "10.96.0.0/16";
  std::string service_node_ports = "30000-32767";
  std::vector<std::string> authorization_modes = {"Node", "RBAC"};
  std::vector<std::string> authorization_flags;  // in their place, if there are any
  std::string token_file;
  bool anonymous = false;
  bool profiling = false;                        // a flag only: kube-apiserver's command lines say =false
  std::vector<std::string> agent_address_types;  // empty: the usual ones
  std::string agent_authority, agent_client_certificate, agent_client_key;  // PEM files
  bool routes_to_endpoints = true;
  std::string node_name;
  int max_requests = 64;
  std::string client_authorities;  // PEM file, beside the cluster's own
  std::string encryption_config;
  bool encryption_config_reload = false;
  std::string audit_policy, audit_log;
  int audit_log_megabytes = 100, audit_log_backups = 0, audit_log_days = 0;
  std::string oidc_issuer, oidc_client, oidc_username_claim = "sub", oidc_groups_claim, oidc_username_prefix,
                                        oidc_groups_prefix, oidc_authority;

  static Result<ControlPlaneConfig> parse(std::string_view json);
  // The rows of `gantry server`'s options, which fill this in.
  std::vector<Option> flags();
  // InvalidArgument for what does not fit together.
  Result<kube::ControlPlaneOptions> options() const;

 private:
  kube::OidcOptions oidc() const;
};

void fields(json::Fields& f, ControlPlaneConfig& config);

}  // namespace gantry::daemon
