// SPDX-License-Identifier: Apache-2.0
#include "network/network_object.h"

#include <algorithm>

#include "network/endpoint_options.h"
#include "network/mac_address.h"

namespace gantry::network {
namespace {

constexpr std::uint32_t kEthernetMtu = 1500;

// As Docker does it, which keeps the neighbours' caches right when an address gets a new owner.
std::string mac_from(const IpAddress& v4) {
  const auto bytes = v4.bytes();
  return spell_mac({0x02, 0x42, bytes[0], bytes[1], bytes[2], bytes[3]});
}

}  // namespace

std::string owner_mark(const std::string& network_id) { return "gantry " + network_id; }

Result<NetworkObject> NetworkObject::make(NetworkRecord record, NetworkSettings settings) {
  NetworkObject made(std::move(record), std::move(settings));
  for (const IpamPool& pool : made.record.config.ipam.config)
    made.pools.push_back(TRY_DURING(SubnetAddresses::make(pool), "network '{}'", made.name()));
  return made;
}

void NetworkObject::show_gateways() {
  for (std::size_t i = 0; i < pools.size(); ++i)
    record.config.ipam.config[i].gateway = pools[i].gateway().str();
}

std::string NetworkObject::bridge_name() const {
  constexpr std::size_t kShortId = 12;
  return settings.bridge.empty() ? "br-" + id().substr(0, kShortId) : settings.bridge;
}

std::uint32_t NetworkObject::mtu(int fallback) const {
  if (settings.mtu != 0) return settings.mtu;
  return fallback != 0 ? static_cast<std::uint32_t>(fallback) : kEthernetMtu;
}

BridgePlan NetworkObject::bridge_plan(int default_mtu) const {
  BridgePlan plan{.name = bridge_name(),
                  .owner = owner_mark(id()),
                  .may_adopt = !settings.bridge.empty() && !settings.is_default,
                  .mtu = mtu(default_mtu)};
  for (const SubnetAddresses& pool : pools) {
    const bool v4 = pool.gateway().is_v4();
    plan.has_ipv6 |= !v4;
    const GatewayMode mode = v4 ? settings.mode4 : settings.mode6;
    const bool has_address = mode != GatewayMode::Isolated && !(v4 && settings.inhibits_ipv4);
    if (has_address) plan.addresses.push_back(pool.on_link(pool.gateway()));
  }
  return plan;
}

BridgeRules NetworkObject::bridge_rules() const {
  BridgeRules rules{.is_internal = is_internal(),
                    .has_icc = settings.has_icc,
                    .masquerades = settings.masquerades,
                    .trusted_interfaces = settings.trusted_interfaces,
                    .mode4 = settings.mode4,
                    .mode6 = settings.mode6};
  for (const SubnetAddresses& pool : pools) rules.subnets.push_back(pool.subnet());
  return rules;
}

// The pool it was taken from; none if the network has no subnet of that version and none is wanted.
Result<std::optional<SubnetAddresses*>> NetworkObject::take(const std::string& wanted, bool v4,
                                                            std::string& address) {
  std::optional<Error> last;
  if (wanted.empty()) {
    for (SubnetAddresses& pool : pools) {
      if (pool.subnet().address.is_v4() != v4) continue;
      auto taken = pool.take_any();
      if (taken) {
        address = taken->str();
        return std::optional(&pool);
      }
      last = std::move(taken).error();
    }
    if (last) return *std::move(last);
    return std::optional<SubnetAddresses*>();
  }
  const auto parsed = IpAddress::parse(wanted);  // check_addresses() has seen it
  for (SubnetAddresses& pool : pools) {
    if (!pool.subnet().contains(*parsed)) continue;
    TRY(pool.take(*parsed));
    address = parsed->str();
    return std::optional(&pool);
  }
  return error(Code::InvalidArgument,
               "Invalid address {}: It does not belong to any of this network's subnets", wanted);
}

Result<void> NetworkObject::assign(EndpointRecord& endpoint) {
  EndpointSettings& settled = endpoint.settings;
  const EndpointIpam wanted = settled.ipam_config.value_or(EndpointIpam{});
  const bool wants_any = !wanted.ipv4_address.empty() || !wanted.ipv6_address.empty();
  if (wants_any && settings.is_default)
    return error(Code::InvalidArgument,
                 "user specified IP address is supported on user defined networks only");
  TRY(check_addresses(settled));

  const auto v4 = TRY(take(wanted.ipv4_address, true, settled.ip_address));
  auto v6 = take(wanted.ipv6_address, false, settled.global_ipv6_address);
  if (!v6) {
    if (v4) (*v4)->give_back(*IpAddress::parse(settled.ip_address));
    return std::move(v6).error();
  }
  const bool has_gateway4 = v4 && settings.mode4 != GatewayMode::Isolated && !settings.inhibits_ipv4;
  const bool has_gateway6 = *v6 && settings.mode6 != GatewayMode::Isolated;
  if (v4) settled.ip_prefix_len = (*v4)->subnet().length;
  if (has_gateway4) settled.gateway = (*v4)->gateway().str();
  if (*v6) settled.global_ipv6_prefix_len = (**v6)->subnet().length;
  if (has_gateway6) settled.ipv6_gateway = (**v6)->gateway().str();
  endpoint.has_own_mac = !settled.mac_address.empty();
  if (!endpoint.has_own_mac)
    settled.mac_address = v4 ? mac_from(*IpAddress::parse(settled.ip_address)) : spell_mac(random_mac());
  return {};
}

Result<void> NetworkObject::claim(const EndpointRecord& endpoint) {
  for (const std::string& text : {endpoint.settings.ip_address, endpoint.settings.global_ipv6_address}) {
    const auto address = IpAddress::parse(text);
    if (!address) continue;
    for (SubnetAddresses& pool : pools)
      if (pool.subnet().contains(*address)) TRY(pool.take(*address));
  }
  return {};
}

void NetworkObject::give_back(const EndpointRecord& endpoint) {
  for (const std::string& text : {endpoint.settings.ip_address, endpoint.settings.global_ipv6_address})
    if (const auto address = IpAddress::parse(text))
      for (SubnetAddresses& pool : pools)
        if (pool.subnet().contains(*address)) pool.give_back(*address);
}

std::vector<kernel::IpPrefix> NetworkObject::addresses_of(const EndpointRecord& endpoint) const {
  std::vector<kernel::IpPrefix> addresses;
  const EndpointSettings& settled = endpoint.settings;
  if (const auto v4 = IpAddress::parse(settled.ip_address))
    addresses.push_back({*v4, static_cast<int>(settled.ip_prefix_len)});
  if (const auto v6 = IpAddress::parse(settled.global_ipv6_address))
    addresses.push_back({*v6, static_cast<int>(settled.global_ipv6_prefix_len)});
  if (settled.ipam_config)
    for (const std::string& text : settled.ipam_config->link_local_ips)
      if (const auto address = IpAddress::parse(text))
        addresses.push_back({*address, address->is_v4() ? 16 : 64});  // RFC 3927, RFC 4291
  return addresses;
}

}  // namespace gantry::network
