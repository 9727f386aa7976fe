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

// A setting: its key in the configuration, its flag, the flag's argument, where it goes, and what it is.
// Without a key or without a flag it is the other alone.
template <class Visit>
void each_setting(ControlPlaneConfig& c, Visit&& visit) {
  visit("directory", "data-dir", "DIR", c.directory, "The store, certificates and kubeconfigs");
  visit("bindAddress", "bind-address", "IP", c.bind_address, "Where to listen (default: 0.0.0.0)");
  visit("securePort", "secure-port", "PORT", c.secure_port, "Where to listen (default: 6443)");
  visit("advertiseAddress", "advertise-address", "IP", c.advertise_address,
        "Where nodes and pods reach this server");
  visit("serverNames", "tls-san", "NAME", c.server_names,
        "A further name or address in the server's certificate");
  visit("etcdServers", "etcd-servers", "URL", c.etcd_servers,
        "Keep objects in this etcd cluster and not in the directory");
  visit("etcdAuthority", "etcd-cafile", "FILE", c.etcd_authority, "Who signs etcd's certificates");
  visit("etcdCertificate", "etcd-certfile", "FILE", c.etcd_certificate, "The certificate to show to etcd");
  visit("etcdKey", "etcd-keyfile", "FILE", c.etcd_key, "Its key");
  visit("clusterDomain", "cluster-domain", "NAME", c.cluster_domain,
        "Of services' names (default: cluster.local)");
  visit("serviceAddresses", "service-cluster-ip-range", "CIDR", c.service_addresses,
        "Addresses of services (default: 10.96.0.0/16)");
  visit("serviceNodePorts", "service-node-port-range", "RANGE", c.service_node_ports,
        "Ports of nodes (default: 30000-32767)");
  visit("authorizationModes", "", "", c.authorization_modes, "");
  visit("", "authorization-mode", "MODES", c.authorization_flags,
        "Who says what is allowed, in this order (default: Node,RBAC)");
  visit("tokenFile", "token-auth-file", "FILE", c.token_file, "Tokens and whose they are, as CSV");
  visit("anonymous", "anonymous-auth", "", c.anonymous,
        "Serve who says nothing about himself as system:anonymous");
  visit("agentAddressTypes", "kubelet-preferred-address-types", "TYPES", c.agent_address_types,
        "Which of a node's addresses to ask its agent at, the best first");
  visit("agentAuthority", "kubelet-certificate-authority", "FILE", c.agent_authority,
        "Who signs agents' certificates (default: any is taken)");
  visit("agentClientCertificate", "kubelet-client-certificate", "FILE", c.agent_client_certificate,
        "The certificate to show to agents (default: one of our own)");
  visit("agentClientKey", "kubelet-client-key", "FILE", c.agent_client_key, "Its key");
  visit("routesToEndpoints", "enable-aggregator-routing", "", c.routes_to_endpoints,
        "Call webhooks and API servers at a service's endpoints (default); =false: at its own address");
  visit("nodeName", "node-name", "NAME", c.node_name, "Make a kubeconfig for this node, too");
  visit("maxRequests", "max-requests-inflight", "N", c.max_requests,
        "Requests at work at once (default: 64)");
  visit("", "profiling", "", c.profiling, "There is nothing to profile with here: only =false is taken");
  visit("clientAuthorities", "client-ca-file", "FILE", c.client_authorities,
        "Authorities of clients beside the cluster's own");
  visit("encryptionConfig", "encryption-provider-config", "FILE", c.encryption_config,
        "How values are encrypted in the store");
  visit("encryptionConfigReload", "encryption-provider-config-automatic-reload", "",
        c.encryption_config_reload, "Read that file anew when it changes");
  visit("auditPolicy", "audit-policy-file", "FILE", c.audit_policy,
        "What is written of which requests (default: nothing)");
  visit("auditLog", "audit-log-path", "FILE", c.audit_log, "Where to; - is standard output");
  visit("auditLogMegabytes", "audit-log-maxsize", "MB", c.audit_log_megabytes,
        "It is rotated when it gets larger (default: 100)");
  visit("auditLogBackups", "audit-log-maxbackup", "N", c.audit_log_backups,
        "How many old ones are kept (default: all)");
  visit("auditLogDays", "audit-log-maxage", "DAYS", c.audit_log_days,
        "How long they are kept (default: for ever)");
  visit("oidcIssuer", "oidc-issuer-url", "URL", c.oidc_issuer, "Whose OpenID Connect tokens are accepted");
  visit("oidcClient", "oidc-client-id", "ID", c.oidc_client, "Whom such tokens must be for");
  visit("oidcUsernameClaim", "oidc-username-claim", "CLAIM", c.oidc_username_claim,
        "Who it is (default: sub)");
  visit("oidcUsernamePrefix", "oidc-username-prefix", "TEXT", c.oidc_username_prefix,
        "What is put in front of that; - is nothing");
  visit("oidcGroupsClaim", "oidc-groups-claim", "CLAIM", c.oidc_groups_claim, "Which groups he is in");
  visit("oidcGroupsPrefix", "oidc-groups-prefix", "TEXT", c.oidc_groups_prefix,
        "What is put in front of those");
  visit("oidcAuthority", "oidc-ca-file", "FILE", c.oidc_authority,
        "Authorities of the issuer (default: the host's)");
}

}  // namespace

void fields(json::Fields& f, ControlPlaneConfig& config) {
  each_setting(config, [&](const char* key, const char*, const char*, auto& value, const char*) {
    if (*key != '\0') f(key, value);
  });
}

Result<ControlPlaneConfig> ControlPlaneConfig::parse(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json)));
  auto config = TRY(json::decode<ControlPlaneConfig>(document.root(), json::UnknownKeys::Refuse));
  TRY(config.options());
  return config;
}

std::vector<Option> ControlPlaneConfig::flags() {
  std::vector<Option> options;
  each_setting(*this,
               [&](const char*, const char* flag, const char* argument, auto& value, const char* help) {
                 if (*flag != '\0') options.push_back({0, flag, argument, &value, help});
               });
  return options;
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
  if (profiling)
    return error(
        Code::InvalidArgument,
        "profiles are not served: look at the process from outside (perf record -g -p PID), and leave "
        "out --profiling or set it to false");
  if (audit_log_megabytes < 1 || audit_log_backups < 0 || audit_log_days < 0)
    return error(Code::InvalidArgument, "the audit log's limits are no numbers of files, days and megabytes");
  if (audit_policy.empty() != audit_log.empty())
    return error(Code::InvalidArgument, "an audit policy and an audit log belong together");
  if (oidc_issuer.empty() != oidc_client.empty())
    return error(Code::InvalidArgument, "an OpenID Connect issuer and a client id belong together");
  if (etcd_certificate.empty() != etcd_key.empty())
    return error(Code::InvalidArgument, "etcd's client certificate and its key belong together");
  if (agent_client_certificate.empty() != agent_client_key.empty())
    return error(Code::InvalidArgument, "the certificate to show to agents and its key belong together");
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
      .reloads_encryption = encryption_config_reload,
      .audit_policy = audit_policy,
      .audit_log = {.path = audit_log,
                    .max_size = static_cast<std::size_t>(audit_log_megabytes) << 20,
                    .max_backups = static_cast<std::size_t>(audit_log_backups),
                    .max_age_days = static_cast<std::size_t>(audit_log_days)},
      .service_routing =
          routes_to_endpoints ? kube::ServiceRouting::Endpoints : kube::ServiceRouting::ClusterAddress,
      .node_name = node_name,
      .max_requests = static_cast<std::size_t>(max_requests)};
  if (!agent_address_types.empty()) options.agents.address_types = split_commas(agent_address_types);
  options.agents.authority_file = agent_authority;
  options.agents.identity.certificate_file = agent_client_certificate;
  options.agents.identity.key_file = agent_client_key;
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
