// SPDX-License-Identifier: Apache-2.0
#include "network/trace_kernel.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernel/network/nft_chains.h"
#include "network/mac_address.h"
#include "network/port_user.h"
#include "network/sysctl.h"

namespace gantry::network {
namespace {

using kernel::IpAddress;
using kernel::Link;
using kernel::RouteSocket;

Result<Link> link_of(RouteSocket& socket, unsigned index) {
  for (Link& link : TRY(socket.links()))
    if (link.index == index) return std::move(link);
  return error(Code::Unavailable, "interface {} was removed a moment ago", index);
}

Result<std::string> describe(RouteSocket& socket, const Link& link) {
  std::vector<std::string> addresses;
  for (const kernel::LinkAddress& address : TRY(socket.addresses(link.index)))
    addresses.push_back(address.address.str());
  return fmt::format("interface {} has {}, hardware address {}, MTU {}", link.name,
                     addresses.empty() ? "no address" : fmt::format("{}", fmt::join(addresses, ", ")),
                     link.mac ? spell_mac(*link.mac) : "none", link.mtu);
}

bool is_on(const std::string& sysctl) {
  const auto value = read_sysctl(sysctl);
  return value && value->starts_with('1');
}

bool sees(const kernel::NftBaseChain& chain, std::uint32_t hook, const IpAddress& to) {
  const bool is_of_version =
      chain.family == NFPROTO_INET || chain.family == (to.is_v4() ? NFPROTO_IPV4 : NFPROTO_IPV6);
  return is_of_version && chain.hook == hook;
}

}  // namespace

Result<Departure> trace_route(RouteSocket& socket, const IpAddress& to, TraceLog& log) {
  Departure departure;
  const auto choice = socket.route_to(to);
  if (!choice) {
    log.drop(choice.error().message());
    return departure;
  }
  departure.is_local = choice->is_local;
  if (departure.is_local) {
    log.pass(fmt::format("{} is an address of its own", to.str()));
    return departure;
  }
  departure.link = TRY(link_of(socket, choice->link));
  departure.source = choice->source;
  departure.is_direct = !choice->gateway.has_value();
  departure.next_hop = choice->gateway.value_or(to);
  log.pass(fmt::format("route {}: {} by {}", TRY(socket.matching_route(to)).str(),
                       departure.is_direct ? "directly" : "to the gateway " + departure.next_hop.str(),
                       departure.link.name));
  log.pass(TRY(describe(socket, departure.link)));
  if (!departure.link.is_up || !departure.link.has_carrier)
    log.drop(fmt::format("interface {} is down", departure.link.name));
  return departure;
}

Result<void> trace_neighbour(RouteSocket& socket, const Departure& departure, TraceLog& log) {
  const std::string hop = departure.next_hop.str();
  const auto known = TRY(socket.neighbour(departure.link.index, departure.next_hop));
  if (known && known->has_failed)
    log.drop(fmt::format("neighbour {} does not answer at {}", hop, departure.link.name));
  else if (!known || !known->mac)
    log.pass(
        fmt::format("neighbour {} is not known yet at {}: it will be asked for", hop, departure.link.name));
  else
    log.pass(fmt::format("neighbour {} has {} at {}", hop, spell_mac(*known->mac), departure.link.name));
  return {};
}

void trace_listener(Protocol protocol, const IpAddress& to, std::uint16_t port, TraceLog& log) {
  const std::string place = fmt::format("{} port {}", name_of(protocol), port);
  if (protocol == Protocol::Sctp)
    return log.end(TraceStep::Verdict::Unknown, fmt::format("who listens at {} is not known", place));
  const std::vector<IpAddress> listening = listening_addresses(protocol, port);
  if (listening.empty()) return log.drop(fmt::format("nobody listens at {}", place));
  // A socket of IPv6 hears IPv4 too, unless it is told not to.
  const auto hears = [&](const IpAddress& address) {
    const bool is_of_version = address.is_v4() == to.is_v4() || !address.is_v4();
    return address == to || (address.is_unspecified() && is_of_version);
  };
  if (std::ranges::any_of(listening, hears))
    return log.end(TraceStep::Verdict::Passes, fmt::format("arrives: somebody listens at {}", place));
  log.drop(fmt::format("who listens at {} does so at {} alone, not at {}", place, listening.front().str(),
                       to.str()));
}

void trace_forwarding(const IpAddress& to, TraceLog& log) {
  const std::string sysctl = to.is_v4() ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding";
  if (!is_on(sysctl)) log.drop(fmt::format("forwarding is off: /proc/sys/net/{} is 0", sysctl));
}

Result<void> trace_chains_of_others(const std::string& our_table, std::uint32_t hook, const IpAddress& to,
                                    TraceLog& log) {
  auto socket = TRY(kernel::NetlinkSocket::open(NETLINK_NETFILTER));
  bool is_ours_there = false;
  for (const kernel::NftBaseChain& chain : TRY(kernel::nft_base_chains(socket))) {
    const bool is_ours = chain.family == NFPROTO_INET && chain.table == our_table;
    is_ours_there |= is_ours;
    if (is_ours || chain.type != "filter" || !sees(chain, hook, to)) continue;
    log.doubt(fmt::format("chain {} of table {} {} sees it too, which is not ours{}", chain.name,
                          kernel::name_of_family(chain.family), chain.table,
                          chain.drops_the_rest ? ": it drops what none of its rules accepts" : ""));
  }
  if (!is_ours_there) log.doubt(fmt::format("table inet {} is not there at the moment", our_table));
  return {};
}

}  // namespace gantry::network
