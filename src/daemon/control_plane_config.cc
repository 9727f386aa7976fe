// SPDX-License-Identifier: Apache-2.0
#include "daemon/control_plane_config.h"

#include <limits>

#include "base/json.h"
#include "base/split.h"

namespace gantry::daemon {
namespace {

// Flags of Go programs that take lists take them with commas, too.
std::vector<std::string> split_commas(const std::vector<std::string>& given) {
  std::vector<std::string> all;
  for (const std::string& text : given)
    for (const std::string_view word : split_words(text, ',')) all.emplace_back(word);
  return all;
}

}  // namespace

void fields(json::Fields& f, ControlPlaneConfig& config) {
  f("directory", config.directory);
  f("bindAddress", config.bind_address);
  f("securePort", config.secure_port);
  f("advertiseAddress", config.advertise_address);
  f("serverNames", config.server_names);
  f("etcdServers", config.etcd_servers);
  f("etcdAuthority", config.etcd_authority);
  f("etcdCertificate", config.etcd_certificate);
  f("etcdKey", config.etcd_key);
  f("clusterDomain", config.cluster_domain);
  f("serviceAddresses", config.service_addresses);
  f("serviceNodePorts", config.service_node_ports);
  f("authorizationModes", config.authorization_modes);
  f("tokenFile", config.token_file);
  f("anonymous", config.anonymous);
  f("nodeName", config.node_name);
  f("maxRequests", config.max_requests);
  f("clientAuthorities", config.client_authorities);
  f("encryptionConfig", config.encryption_config);
  f("auditPolicy", config.audit_policy);
  f("auditLog", config.audit_log);
  f("auditLogMegabytes", config.audit_log_megabytes);
  f("auditLogBackups", config.audit_log_backups);
  f("auditLogDays", config.audit_log_days);
  f("oidcIssuer", config.oidc_issuer);
  f("oidcClient", config.oidc_client);
  f("oidcUsernameClaim", config.oidc_username_claim);
  f("oidcUsernamePrefix", config.oidc_username_prefix);
  f("oidcGroupsClaim", config.oidc_groups_claim);
  f("oidcGroupsPrefix", config.oidc_groups_prefix);
  f("oidcAuthority", config.oidc_authority);
}

Result<ControlPlaneConfig> ControlPlaneConfig::parse(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json)));
  auto config = TRY(json::decode<ControlPlaneConfig>(document.root(), json::UnknownKeys::Refuse));
  TRY(config.options());
  return config;
}

std::vector<Option> ControlPlaneConfig::flags() {
  return {
      {0, "data-dir", "DIR", &directory, "The store, certificates and kubeconfigs"},
      {0, "bind-address", "IP", &bind_address, "Where to listen (default: 0.0.0.0)"},
      {0, "secure-port", "PORT", &secure_port, "Where to listen (default: 6443)"},
      {0, "advertise-address", "IP", &advertise_address, "Where nodes and pods reach this server"},
      {0, "tls-san", "NAME", &server_names, "A further name or address in the server's certificate"},
      {0, "etcd-servers", "URL", &etcd_servers, "Keep objects in this etcd cluster and not in the directory"},
      {0, "etcd-cafile", "FILE", &etcd_authority, "Who signs etcd's certificates"},
      {0, "etcd-certfile", "FILE", &etcd_certificate, "The certificate to show to etcd"},
      {0, "etcd-keyfile", "FILE", &etcd_key, "Its key"},
      {0, "cluster-domain", "NAME", &cluster_domain, "Of services' names (default: cluster.local)"},
      {0, "service-cluster-ip-range", "CIDR", &service_addresses,
       "Addresses of services (default: 10.96.0.0/16)"},
      {0, "service-node-port-range", "RANGE", &service_node_ports, "Ports of nodes (default: 30000-32767)"},
      {0, "authorization-mode", "MODES", &authorization_flags,
       "Who says what is allowed, in this order (default: Node,RBAC)"},
      {0, "token-auth-file", "FILE", &token_file, "Tokens and whose they are, as CSV"},
      {0, "anonymous-auth", "", &anonymous, "Serve who says nothing about himself as system:anonymous"},
      {0, "node-name", "NAME", &node_name, "Make a kubeconfig for this node, too"},
      {0, "max-requests-inflight", "N", &max_requests, "Requests at work at once (default: 64)"},
      {0, "client-ca-file", "FILE", &client_authorities, "Authorities of clients beside the cluster's own"},
      {0, "encryption-provider-config", "FILE", &encryption_config, "How values are encrypted in the store"},
      {0, "audit-policy-file", "FILE", &audit_policy, "What is written of which requests (default: nothing)"},
      {0, "audit-log-path", "FILE", &audit_log, "Where to; - is standard output"},
      {0, "audit-log-maxsize", "MB", &audit_log_megabytes,
       "It is rotated when it gets larger (default: 100)"},
      {0, "audit-log-maxbackup", "N", &audit_log_backups, "How many old ones are kept (default: all)"},
      {0, "audit-log-maxage", "DAYS", &audit_log_days, "How long they are kept (default: for ever)"},
      {0, "oidc-issuer-url", "URL", &oidc_issuer, "Whose OpenID Connect tokens are accepted"},
      {0, "oidc-client-id", "ID", &oidc_client, "Whom such tokens must be for"},
      {0, "oidc-username-claim", "CLAIM", &oidc_username_claim, "Who it is (default: sub)"},
      {0, "oidc-username-prefix", "TEXT", &oidc_username_prefix,
       "What is put in front of that; - is nothing"},
      {0, "oidc-groups-claim", "CLAIM", &oidc_groups_claim, "Which groups he is in"},
      {0, "oidc-groups-prefix", "TEXT", &oidc_groups_prefix, "What is put in front of those"},
      {0, "oidc-ca-file", "FILE", &oidc_authority, "Authorities of the issuer (default: the host's)"},
  };
}

kube::OidcOptions ControlPlaneConfig::oidc() const {
  kube::OidcOptions options{.issuer_url = oidc_issuer, .client_id = oidc_client, .ca_file = oidc_authority};
  options.username_claim = oidc_username_claim;
  if (!oidc_username_prefix.empty()) options.username_prefix = oidc_username_prefix;
  options.groups_claim = oidc_groups_claim;
  options.groups_prefix = oidc_groups_prefix;
  return options;
}

Result<kube::ControlPlaneOptions> ControlPlaneConfig::options() const {
  if (!directory.starts_with('/'))
    return error(Code::InvalidArgument, "the directory '{}' is no absolute path", directory);
  if (secure_port < 0 || secure_port > std::numeric_limits<std::uint16_t>::max())
    return error(Code::InvalidArgument, "{} is no port", secure_port);
  if (max_requests < 1)
    return error(Code::InvalidArgument, "at least one request has to be served at a time");
  if (audit_log_megabytes < 1 || audit_log_backups < 0 || audit_log_days < 0)
    return error(Code::InvalidArgument, "the audit log's limits are no numbers of files, days and megabytes");
  if (audit_policy.empty() != audit_log.empty())
    return error(Code::InvalidArgument, "an audit policy and an audit log belong together");
  if (oidc_issuer.empty() != oidc_client.empty())
    return error(Code::InvalidArgument, "an OpenID Connect issuer and a client id belong together");
  if (etcd_certificate.empty() != etcd_key.empty())
    return error(Code::InvalidArgument, "etcd's client certificate and its key belong together");
  std::vector<std::string> modes =
      authorization_flags.empty() ? authorization_modes : split_commas(authorization_flags);
  kube::ControlPlaneOptions options{
      .directory = directory,
      .bind_address = bind_address,
      .secure_port = static_cast<std::uint16_t>(secure_port),
      .advertise_address = advertise_address,
      .server_names = split_commas(server_names),
      .cluster_domain = cluster_domain,
      .service_addresses = service_addresses,
      .service_node_ports = service_node_ports,
      .access = {.modes = std::move(modes), .webhook = {}},
      .encryption_config = encryption_config,
      .audit_policy = audit_policy,
      .audit_log = {.path = audit_log,
                    .max_size = static_cast<std::size_t>(audit_log_megabytes) << 20,
                    .max_backups = static_cast<std::size_t>(audit_log_backups),
                    .max_age_days = static_cast<std::size_t>(audit_log_days)},
      .node_name = node_name,
      .max_requests = static_cast<std::size_t>(max_requests)};
  options.authentication.token_file = token_file;
  options.authentication.client_ca_file = client_authorities;
  options.authentication.anonymous = anonymous ? kube::Anonymous::Everywhere : kube::Anonymous::ForHealth;
  if (!oidc_issuer.empty()) options.authentication.oidc = oidc();
  if (etcd_servers.empty()) return options;
  store::EtcdOptions etcd{.endpoints = split_commas(etcd_servers)};
  if (!etcd_authority.empty()) etcd.tls.ca_files = {etcd_authority};
  etcd.tls.identity = {etcd_certificate, etcd_key};
  options.etcd = std::move(etcd);
  return options;
}

}  // namespace gantry::daemon
