// SPDX-License-Identifier: Apache-2.0
#include "engine/container_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/file.h"
#include "engine/container_network.h"
#include "engine/container_paths.h"
#include "engine/joined_container.h"
#include "engine/links.h"
#include "engine/pods.h"
#include "network/hosts_file.h"
#include "network/resolv_conf.h"

namespace gantry::engine {

using network::HostRecord;

namespace {

constexpr std::string_view kDefaultNetwork = "bridge";

Result<std::string> hostname_of_host() {
  std::array<char, 65> name{};
  if (::gethostname(name.data(), name.size() - 1) < 0) return sys_error("read the host's name");
  return std::string(name.data());
}

// Where "host-gateway" leads: the host's address on the default network.
std::string host_gateway(Core& core) {
  const auto network = core.networks.find(kDefaultNetwork);
  if (!network) return {};
  for (const network::IpamPool& pool : network->config.ipam.config)
    if (!pool.gateway.empty()) return pool.gateway;
  return {};
}

network::NameSource name_source(const ContainerRecord& container) {
  if (network_kind(*container.settings) == NetworkKind::Host) return network::NameSource::Host;
  for (const auto& [name, endpoint] : container.networks->wanted)
    if (name != kDefaultNetwork && name != "none") return network::NameSource::NameService;
  return network::NameSource::Upstream;
}

const std::vector<std::string>& or_default(const std::vector<std::string>& own,
                                           const std::vector<std::string>& otherwise) {
  return own.empty() ? otherwise : own;
}

Result<std::vector<HostRecord>> records_of(Core& core, const ContainerRecord& container,
                                           const ContainerNetworks& networks) {
  std::vector<HostRecord> records;
  const container::Config& config = container.settings->config;
  for (const std::string& extra : container.settings->host_config.extra_hosts)
    records.push_back(TRY(network::parse_extra_host(extra, host_gateway(core))));
  for (const LinkedContainer& link : TRY(links_of(core, container)))
    records.push_back(network::link_record(link.address, link.alias, link.peer->settings->config.hostname,
                                           link.peer->name));
  for (const auto& [name, endpoint] : networks.endpoints)
    for (const std::string* address : {&endpoint.ip_address, &endpoint.global_ipv6_address})
      if (!address->empty())
        records.push_back(network::own_record(*address, config.hostname, config.domainname));
  return records;
}

}  // namespace

Result<NameFiles> name_files_of(Core& core, const ContainerRecord& container) {
  switch (network_kind(*container.settings)) {
    case NetworkKind::Joined: {
      const auto other = joined_container(container.settings->host_config.network_mode);
      return name_files_of(core, *TRY(core.find(*other))->record());
    }
    case NetworkKind::Pod: return pod_name_files(core, container.settings->pod);
    case NetworkKind::Own:
    case NetworkKind::Host: break;
  }
  ContainerPaths paths = paths_of(core.options, container);
  return NameFiles{std::move(paths.hosts), std::move(paths.hostname), std::move(paths.resolv_conf)};
}

Result<void> write_name_files(Core& core, const ContainerRecord& container) {
  const NetworkKind kind = network_kind(*container.settings);
  if (kind == NetworkKind::Joined || kind == NetworkKind::Pod) return {};
  const ContainerPaths paths = paths_of(core.options, container);
  const std::string& own = container.settings->config.hostname;
  const std::string hostname = own.empty() ? TRY(hostname_of_host()) : own;
  TRY(network::rewrite_mounted_file(paths.hostname, hostname + "\n"));
  // The runtime mounts it while the addresses that are to be in it are still being found.
  TRY(open_at(AT_FDCWD, paths.hosts, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
  const container::HostConfig& host = container.settings->host_config;
  const network::DnsSettings dns{.servers = or_default(host.dns, core.options.dns),
                                 .search = or_default(host.dns_search, core.options.dns_search),
                                 .options = or_default(host.dns_options, core.options.dns_options)};
  const auto resolver = TRY(network::read_host_resolver_config());
  return network::rewrite_mounted_file(paths.resolv_conf,
                                       network::resolv_conf_text(name_source(container), resolver, dns));
}

Result<void> write_hosts(Core& core, const ContainerRecord& container, const ContainerNetworks& networks) {
  const NetworkKind kind = network_kind(*container.settings);
  if (kind == NetworkKind::Joined || kind == NetworkKind::Pod) return {};
  std::vector<HostRecord> records = TRY(records_of(core, container, networks));
  const std::string path = paths_of(core.options, container).hosts;
  if (kind == NetworkKind::Host) {
    const auto hosts = read_file("/etc/hosts");
    return network::rewrite_mounted_file(path, network::change_hosts(hosts ? *hosts : "", {}, records));
  }
  return network::rewrite_mounted_file(path, network::hosts_text({.records = std::move(records)}));
}

void refresh_linking_hosts(Core& core, const ContainerRecord& container) {
  for (const std::shared_ptr<Container>& other : containers_linking_to(core, container)) {
    const ContainerRef record = other->record();
    if (!record->state.is_running()) continue;
    if (const auto written = write_hosts(core, *record, *record->networks); !written)
      core.log.warn("a link's address could not be written",
                    {{"container", record->id}, {"error", written.error().message()}});
  }
}

}  // namespace gantry::engine
