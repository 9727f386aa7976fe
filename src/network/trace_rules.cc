// SPDX-License-Identifier: Apache-2.0
#include "network/trace_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace gantry::network {
namespace {

GatewayMode mode_for(const NetworkObject& network, const kernel::IpAddress& address) {
  return address.is_v4() ? network.settings.mode4 : network.settings.mode6;
}

const PortRule* find_opened(const TracedPacket& packet, std::span<const PortRule> opened) {
  const auto found = std::ranges::find_if(opened, [&](const PortRule& rule) {
    return rule.is_routed && rule.protocol == packet.protocol && rule.to == packet.to &&
           rule.to_port == packet.port;
  });
  return found == opened.end() ? nullptr : &*found;
}

bool trusts(const NetworkObject& network, const std::string& interface) {
  const auto& trusted = network.settings.trusted_interfaces;
  return std::ranges::find(trusted, interface) != trusted.end();
}

RuleVerdict passes(std::string why) { return {true, "chain forward: " + std::move(why)}; }
RuleVerdict drops(std::string why) { return {false, "chain forward: " + std::move(why)}; }

bool owns(const NetworkObject& network, const kernel::IpAddress& address) {
  return std::ranges::any_of(network.pools,
                             [&](const SubnetAddresses& pool) { return pool.subnet().contains(address); });
}

// Whether what leaves the network gets the host's address.
bool hides(const NetworkObject& network, const kernel::IpAddress& address) {
  const GatewayMode mode = mode_for(network, address);
  const bool is_nat = mode == GatewayMode::Nat || mode == GatewayMode::NatUnprotected;
  return network.settings.masquerades && is_nat && !network.is_internal();
}

}  // namespace

RuleVerdict forward_verdict(const TracedPacket& packet, const TracedWay& way,
                            std::span<const PortRule> opened, bool drops_foreign) {
  const auto& [in, out, in_interface] = way;
  if (in != nullptr && in == out && in->settings.has_icc)
    return passes(fmt::format("stays within bridge {} (set inside)", in->bridge_name()));
  if (in != nullptr && in->is_internal())
    return drops(fmt::format("network '{}' is internal (set internal)", in->name()));
  if (out != nullptr && out->is_internal())
    return drops(fmt::format("network '{}' is internal (set internal)", out->name()));
  if (out != nullptr && packet.is_translated) return passes("it goes where a published port leads");
  const int version = packet.to.is_v4() ? 4 : 6;
  const PortRule* rule = find_opened(packet, opened);
  if (rule != nullptr && !rule->is_trusted)
    return passes(fmt::format("port {} of {} is published in a routed network (set open{})", packet.port,
                              packet.to.str(), version));
  if (rule != nullptr && out != nullptr && trusts(*out, in_interface))
    return passes(fmt::format("port {} of {} is published, and network '{}' trusts {} (set direct{})",
                              packet.port, packet.to.str(), out->name(), in_interface, version));
  if (out != nullptr && mode_for(*out, packet.to) != GatewayMode::NatUnprotected)
    return drops(fmt::format("{} is of network '{}', and only its published ports are reached from {}",
                             packet.to.str(), out->name(),
                             in == nullptr ? "outside" : fmt::format("network '{}'", in->name())));
  if (drops_foreign && in == nullptr && out == nullptr)
    return drops("both interfaces are none of ours, and the host forwards for networks alone");
  return passes("no rule drops it");
}

std::string masquerade_reason(const TracedPacket& packet, const TracedWay& way,
                              std::span<const NetworkObject* const> networks) {
  if (!packet.source) return {};
  for (const NetworkObject* network : networks) {
    if (!owns(*network, *packet.source)) continue;
    if (way.out == nullptr && hides(*network, *packet.source))
      return fmt::format("what leaves network '{}' gets the host's address", network->name());
    if (way.out != nullptr && packet.is_translated)
      return "what reaches a container by a published port from another gets the gateway's address";
  }
  if (way.out != nullptr && packet.source->is_loopback())
    return "what comes from the host's loopback gets the gateway's address";
  return {};
}

}  // namespace gantry::network
