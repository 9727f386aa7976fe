// SPDX-License-Identifier: Apache-2.0
//
// Making networks: what is asked for is checked and completed, recorded, and brought up.
#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "base/timestamp.h"
#include "network/networks_state.h"
#include "network/sysctl.h"

namespace gantry::network {
namespace {

constexpr std::size_t kIdBytes = 32;

bool is_v4(const IpamPool& pool) {
  const auto subnet = IpPrefix::parse(pool.subnet);
  // One without a subnet gets one of IPv4, as Docker does it.
  return !subnet || subnet->address.is_v4();
}

bool has_pool(const NetworkConfig& config, bool v4) {
  return std::ranges::any_of(config.ipam.config, [&](const IpamPool& pool) { return is_v4(pool) == v4; });
}

Result<void> check_name(const std::string& name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_good = [&](char c) { return is_letter(c) || c == '_' || c == '.' || c == '-'; };
  if (!name.empty() && is_letter(name[0]) && std::ranges::all_of(name, is_good)) return {};
  return error(Code::InvalidArgument,
               "invalid network name '{}': only [a-zA-Z0-9][a-zA-Z0-9_.-]* are allowed", name);
}

Result<void> check_driver(const NetworkConfig& config) {
  if (config.driver == "bridge" || config.driver == "macvlan") return {};
  if (config.driver == "host" || config.driver == "null")
    return error(Code::PermissionDenied, "only one instance of \"{}\" network is allowed", config.driver);
  if (config.driver == "overlay" || config.driver == "ipvlan")
    return error(Code::Unsupported, "network driver '{}' is not supported", config.driver);
  return error(Code::NotFound, "plugin \"{}\" not found", config.driver);
}

Result<void> check(const NetworkConfig& config) {
  TRY(check_name(config.name));
  TRY(check_driver(config));
  if (config.ingress)
    return error(Code::Unsupported, "an ingress network needs a swarm, which is not supported");
  if (config.config_only) return error(Code::Unsupported, "config-only networks are not supported");
  if (config.ipam.driver != "default" && !config.ipam.driver.empty())
    return error(Code::NotFound, "IPAM plugin \"{}\" not found", config.ipam.driver);
  return {};
}

// What Docker would show of a network that did not say.
void complete(NetworkConfig& config) {
  if (config.driver.empty()) config.driver = "bridge";
  if (config.ipam.driver.empty()) config.ipam.driver = "default";
  config.enable_ipv4 = config.enable_ipv4.value_or(true);
  config.enable_ipv6 = config.enable_ipv6.value_or(has_pool(config, false));
  // Older clients always send "EnableIPv6": false; a pool of it then counts for nothing.
  if (!*config.enable_ipv6) std::erase_if(config.ipam.config, [](const IpamPool& p) { return !is_v4(p); });
  if (!*config.enable_ipv4) std::erase_if(config.ipam.config, [](const IpamPool& p) { return is_v4(p); });
}

Result<std::vector<SubnetSource>> configured_sources(const std::vector<AddressPool>& pools) {
  std::vector<SubnetSource> sources;
  for (const AddressPool& pool : pools) {
    const auto base = IpPrefix::parse(pool.base);
    if (!base || pool.size < base->length || pool.size >= base->address.bits())
      return error(Code::InvalidArgument, "invalid default address pool '{}' of size {}", pool.base,
                   pool.size);
    sources.push_back({base->network(), pool.size});
  }
  return sources;
}

Result<std::vector<SubnetSource>> sources_of(const NetworksOptions& options) {
  if (!options.default_address_pools.empty()) return configured_sources(options.default_address_pools);
  const auto known = default_subnet_sources();
  return std::vector(known.begin(), known.end());
}

}  // namespace

// Subnets that are not named: IPv4 out of the pools, past what other networks and the host's routes have.
Result<void> Networks::State::choose_subnets(NetworkConfig& config) {
  std::vector<IpPrefix> taken;
  for (const auto& [id, network] : networks)
    for (const SubnetAddresses& pool : network.pools) taken.push_back(pool.subnet());
  {
    MutexLock lock(host_mutex);
    for (const kernel::Route& route : TRY(host.routes()))
      if (route.destination.length != 0) taken.push_back(route.destination);
  }
  const std::vector<SubnetSource> sources = TRY(sources_of(options));
  if (*config.enable_ipv4 && !has_pool(config, true)) config.ipam.config.emplace_back();
  if (*config.enable_ipv6 && !has_pool(config, false))
    config.ipam.config.push_back({.subnet = random_local_subnet().str()});
  for (IpamPool& pool : config.ipam.config) {
    if (!pool.subnet.empty()) continue;
    const auto chosen = choose_subnet(sources, taken);
    if (!chosen)
      return error(Code::ResourceExhausted, "all predefined address pools have been fully subnetted");
    taken.push_back(*chosen);
    pool.subnet = chosen->str();
  }
  return {};
}

Result<void> Networks::State::check_conflicts(const NetworkObject& wanted) {
  for (const auto& [id, other] : networks) {
    if (other.name() == wanted.name() && view_of(other).is_predefined())
      return error(Code::PermissionDenied, "operation is not permitted on predefined {} network",
                   wanted.name());
    if (other.name() == wanted.name())
      return error(Code::AlreadyExists, "network with name {} already exists", wanted.name());
    if (wanted.is_bridge() && other.is_bridge() && other.bridge_name() == wanted.bridge_name())
      return error(Code::PermissionDenied,
                   "cannot create network {} ({}): conflicts with network {} ({}): networks have same bridge "
                   "name",
                   wanted.name(), wanted.bridge_name(), other.name(), other.bridge_name());
    for (const SubnetAddresses& ours : wanted.pools)
      for (const SubnetAddresses& theirs : other.pools)
        if (ours.subnet().overlaps(theirs.subnet()))
          return error(Code::PermissionDenied,
                       "Pool overlaps with other one on this address space: {} of '{}' and {} of '{}'",
                       ours.subnet().str(), wanted.name(), theirs.subnet().str(), other.name());
  }
  for (std::size_t i = 0; i < wanted.pools.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (wanted.pools[i].subnet().overlaps(wanted.pools[j].subnet()))
        return error(Code::InvalidArgument, "network '{}' has overlapping subnets {} and {}", wanted.name(),
                     wanted.pools[j].subnet().str(), wanted.pools[i].subnet().str());
  return {};
}

Result<NetworkObject*> Networks::State::add(NetworkConfig config) {
  complete(config);
  const bool has_interfaces = config.driver == "bridge" || config.driver == "macvlan";
  if (has_interfaces) TRY(choose_subnets(config));
  NetworkSettings settings = TRY(parse_settings(config));
  NetworkObject made = TRY(NetworkObject::make({.id = random_hex(kIdBytes),
                                                .created = format_timestamp(wall_clock_now()),
                                                .config = std::move(config)},
                                               std::move(settings)));
  TRY(check_conflicts(made));
  made.show_gateways();
  TRY(records.put(made.record));
  const std::string id = made.id();
  return &networks.emplace(id, std::move(made)).first->second;
}

Result<std::string> Networks::create(NetworkConfig config) {
  if (config.driver.empty()) config.driver = "bridge";
  TRY(check(config));
  State& state = *state_;
  MutexLock lock(state.mutex);
  NetworkObject& network = *TRY(state.add(std::move(config)));
  const std::string id = network.id();
  auto up = network.is_bridge() ? state.bring_up_bridge(network) : state.find_parent(network);
  if (up) return id;
  // What is half there goes; the record last, as when a network is removed.
  (void)state.take_down(network);
  TRY(state.records.remove_network(id));
  const std::string name = network.name();
  state.networks.erase(id);
  return std::move(up).error().during(fmt::format("create network '{}'", name));
}

}  // namespace gantry::network
