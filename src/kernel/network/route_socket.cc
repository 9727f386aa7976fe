// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/route_socket.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <fmt/format.h>

namespace gantry::kernel {
namespace {

constexpr std::uint16_t kNew = NLM_F_CREATE | NLM_F_EXCL;

template <class Body>
Body body_of(Bytes payload) {
  Body body{};
  std::memcpy(&body, payload.data(), std::min(sizeof body, payload.size()));
  return body;
}

template <class Body>
Bytes behind(Bytes payload) {
  return payload.subspan(std::min<std::size_t>(NLMSG_ALIGN(sizeof(Body)), payload.size()));
}

std::optional<MacAddress> mac_of(Bytes value) {
  MacAddress mac;
  if (value.size() != mac.size()) return std::nullopt;
  std::ranges::copy(value, mac.begin());
  return mac;
}

Link link_of(Bytes payload) {
  const auto body = body_of<ifinfomsg>(payload);
  Link link{.index = static_cast<unsigned>(body.ifi_index),
            .is_up = (body.ifi_flags & IFF_UP) != 0,
            .has_carrier = (body.ifi_flags & IFF_LOWER_UP) != 0};
  for (const NetlinkAttribute& a : attributes_in(behind<ifinfomsg>(payload))) {
    if (a.type == IFLA_IFNAME) link.name = a.text();
    if (a.type == IFLA_IFALIAS) link.alias = a.text();
    if (a.type == IFLA_MASTER) link.master = a.number<std::uint32_t>();
    if (a.type == IFLA_MTU) link.mtu = a.number<std::uint32_t>();
    if (a.type == IFLA_ADDRESS) link.mac = mac_of(a.value);
    if (a.type == IFLA_LINKINFO)
      if (const auto kind = find_attribute(a.value, IFLA_INFO_KIND)) link.kind = kind->text();
  }
  return link;
}

std::optional<LinkAddress> address_of(Bytes payload) {
  const auto body = body_of<ifaddrmsg>(payload);
  std::optional<IpAddress> address;
  for (const NetlinkAttribute& a : attributes_in(behind<ifaddrmsg>(payload)))
    // IFA_LOCAL is the address itself where IFA_ADDRESS is the other end's; IPv6 has just the latter.
    if (a.type == IFA_LOCAL || (a.type == IFA_ADDRESS && !address)) address = IpAddress::from(a.value);
  if (!address) return std::nullopt;
  return LinkAddress{.link = body.ifa_index, .address = {*address, body.ifa_prefixlen}};
}

// Of the main table and one way out; others are none of ours.
std::optional<Route> route_of(Bytes payload) {
  const auto body = body_of<rtmsg>(payload);
  if (body.rtm_table != RT_TABLE_MAIN || body.rtm_type != RTN_UNICAST) return std::nullopt;
  const IpAddress any = body.rtm_family == AF_INET ? IpAddress::v4(0) : IpAddress::v6(0);
  Route route{.destination = {any, body.rtm_dst_len}};
  for (const NetlinkAttribute& a : attributes_in(behind<rtmsg>(payload))) {
    if (a.type == RTA_DST) route.destination.address = IpAddress::from(a.value).value_or(any);
    if (a.type == RTA_GATEWAY) route.gateway = IpAddress::from(a.value);
    if (a.type == RTA_OIF) route.link = a.number<std::uint32_t>();
    if (a.type == RTA_PRIORITY) route.metric = a.number<std::uint32_t>();
  }
  return route;
}

NetlinkMessages route_request(const IpAddress& address, unsigned flags) {
  NetlinkMessages request;
  request.begin(RTM_GETROUTE, 0,
                rtmsg{.rtm_family = static_cast<std::uint8_t>(address.family()),
                      .rtm_dst_len = static_cast<std::uint8_t>(address.bits()),
                      .rtm_flags = flags},
                fmt::format("find route to '{}'", address.str()));
  request.put(RTA_DST, address.bytes());
  return request;
}

}  // namespace

void RouteBatch::add_bridge(const std::string& name, const MacAddress& mac, std::uint32_t mtu) {
  messages_.begin(RTM_NEWLINK, kNew, ifinfomsg{.ifi_flags = IFF_UP, .ifi_change = IFF_UP},
                  fmt::format("make bridge '{}'", name));
  messages_.put_text(IFLA_IFNAME, name);
  messages_.put(IFLA_ADDRESS, mac);  // or it would take that of a port, and change with them
  messages_.put_number(IFLA_MTU, mtu);
  const auto info = messages_.nest(IFLA_LINKINFO);
  messages_.put_text(IFLA_INFO_KIND, "bridge");
}

void RouteBatch::add_vlan(const std::string& name, unsigned parent, std::uint16_t id) {
  messages_.begin(RTM_NEWLINK, kNew, ifinfomsg{.ifi_flags = IFF_UP, .ifi_change = IFF_UP},
                  fmt::format("make VLAN interface '{}'", name));
  messages_.put_text(IFLA_IFNAME, name);
  messages_.put_number(IFLA_LINK, parent);
  const auto info = messages_.nest(IFLA_LINKINFO);
  messages_.put_text(IFLA_INFO_KIND, "vlan");
  const auto data = messages_.nest(IFLA_INFO_DATA);
  messages_.put_number(IFLA_VLAN_ID, id);
}

void RouteBatch::add_veth(const NewVeth& veth) {
  messages_.begin(RTM_NEWLINK, kNew, ifinfomsg{.ifi_flags = IFF_UP, .ifi_change = IFF_UP},
                  fmt::format("make interface '{}' of veth '{}'", veth.peer_name, veth.name));
  messages_.put_text(IFLA_IFNAME, veth.name);
  messages_.put_number(IFLA_MTU, veth.mtu);
  if (veth.master != 0) messages_.put_number(IFLA_MASTER, veth.master);
  const auto info = messages_.nest(IFLA_LINKINFO);
  messages_.put_text(IFLA_INFO_KIND, "veth");
  const auto data = messages_.nest(IFLA_INFO_DATA);
  const auto peer = messages_.nest(VETH_INFO_PEER);
  messages_.put_raw(bytes_of(ifinfomsg{}));
  messages_.put_text(IFLA_IFNAME, veth.peer_name);
  messages_.put_number(IFLA_MTU, veth.mtu);
  if (veth.peer_mac != MacAddress{}) messages_.put(IFLA_ADDRESS, veth.peer_mac);
  if (veth.peer_namespace >= 0) messages_.put_number(IFLA_NET_NS_FD, veth.peer_namespace);
}

void RouteBatch::add_macvlan(const NewMacvlan& macvlan) {
  messages_.begin(RTM_NEWLINK, kNew, ifinfomsg{}, fmt::format("make macvlan interface '{}'", macvlan.name));
  messages_.put_text(IFLA_IFNAME, macvlan.name);
  messages_.put_number(IFLA_LINK, macvlan.parent);
  messages_.put(IFLA_ADDRESS, macvlan.mac);
  messages_.put_number(IFLA_NET_NS_FD, macvlan.target_namespace);
  if (macvlan.mtu != 0) messages_.put_number(IFLA_MTU, macvlan.mtu);
  const auto info = messages_.nest(IFLA_LINKINFO);
  messages_.put_text(IFLA_INFO_KIND, "macvlan");
  const auto data = messages_.nest(IFLA_INFO_DATA);
  messages_.put_number(IFLA_MACVLAN_MODE, macvlan.mode);
}

void RouteBatch::set_port(const std::string& name, PortFlags flags) {
  messages_.begin(RTM_NEWLINK, 0, ifinfomsg{}, fmt::format("set bridge port '{}'", name));
  messages_.put_text(IFLA_IFNAME, name);
  const auto info = messages_.nest(IFLA_LINKINFO);
  messages_.put_text(IFLA_INFO_SLAVE_KIND, "bridge");
  const auto data = messages_.nest(IFLA_INFO_SLAVE_DATA);
  messages_.put_number(IFLA_BRPORT_MODE, static_cast<std::uint8_t>(flags.is_hairpin));
  messages_.put_number(IFLA_BRPORT_ISOLATED, static_cast<std::uint8_t>(flags.is_isolated));
}

void RouteBatch::set_alias(const std::string& name, const std::string& alias) {
  messages_.begin(RTM_NEWLINK, 0, ifinfomsg{}, fmt::format("set alias of interface '{}'", name));
  messages_.put_text(IFLA_IFNAME, name);
  messages_.put(IFLA_IFALIAS, bytes_of(std::string_view(alias)));
}

void RouteBatch::set_up(const std::string& name) {
  messages_.begin(RTM_NEWLINK, 0, ifinfomsg{.ifi_flags = IFF_UP, .ifi_change = IFF_UP},
                  fmt::format("bring interface '{}' up", name));
  messages_.put_text(IFLA_IFNAME, name);
}

void RouteBatch::rename(unsigned index, const std::string& name) {
  messages_.begin(RTM_NEWLINK, 0, ifinfomsg{.ifi_index = static_cast<int>(index)},
                  fmt::format("rename interface to '{}'", name));
  messages_.put_text(IFLA_IFNAME, name);
}

void RouteBatch::set_mtu(const std::string& name, std::uint32_t mtu) {
  messages_.begin(RTM_NEWLINK, 0, ifinfomsg{}, fmt::format("set MTU of interface '{}' to {}", name, mtu));
  messages_.put_text(IFLA_IFNAME, name);
  messages_.put_number(IFLA_MTU, mtu);
}

void RouteBatch::set_master(const std::string& name, unsigned bridge) {
  messages_.begin(RTM_NEWLINK, 0, ifinfomsg{}, fmt::format("make interface '{}' a port of its bridge", name));
  messages_.put_text(IFLA_IFNAME, name);
  messages_.put_number(IFLA_MASTER, bridge);
}

void RouteBatch::delete_link(const std::string& name) {
  messages_.begin(RTM_DELLINK, 0, ifinfomsg{}, fmt::format("delete interface '{}'", name));
  messages_.put_text(IFLA_IFNAME, name);
}

void RouteBatch::begin_address(std::uint16_t type, std::uint16_t flags, unsigned link,
                               const IpPrefix& address) {
  messages_.begin(type, flags,
                  ifaddrmsg{.ifa_family = static_cast<std::uint8_t>(address.address.family()),
                            .ifa_prefixlen = static_cast<std::uint8_t>(address.length),
                            .ifa_flags = IFA_F_NODAD,
                            .ifa_index = link},
                  fmt::format("{} address '{}'", type == RTM_NEWADDR ? "add" : "delete", address.str()));
  messages_.put(IFA_LOCAL, address.address.bytes());
  messages_.put(IFA_ADDRESS, address.address.bytes());
}

void RouteBatch::add_address(unsigned link, const IpPrefix& address) {
  begin_address(RTM_NEWADDR, kNew, link, address);
  if (address.address.is_v4() && address.length < 31) messages_.put(IFA_BROADCAST, address.last().bytes());
}

void RouteBatch::delete_address(unsigned link, const IpPrefix& address) {
  begin_address(RTM_DELADDR, 0, link, address);
}

void RouteBatch::begin_route(std::uint16_t type, std::uint16_t flags, const Route& route) {
  const IpPrefix& to = route.destination;
  messages_.begin(
      type, flags,
      rtmsg{.rtm_family = static_cast<std::uint8_t>(to.address.family()),
            .rtm_dst_len = static_cast<std::uint8_t>(to.length),
            .rtm_table = RT_TABLE_MAIN,
            .rtm_protocol = RTPROT_STATIC,
            .rtm_scope = static_cast<std::uint8_t>(route.gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK),
            .rtm_type = RTN_UNICAST},
      fmt::format("{} route to '{}'", type == RTM_NEWROUTE ? "add" : "delete", to.str()));
  if (to.length != 0) messages_.put(RTA_DST, to.first().bytes());
  if (route.gateway) messages_.put(RTA_GATEWAY, route.gateway->bytes());
  if (route.link != 0) messages_.put_number(RTA_OIF, route.link);
  if (route.metric != 0) messages_.put_number(RTA_PRIORITY, route.metric);
}

void RouteBatch::add_route(const Route& route) {
  begin_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
}
void RouteBatch::delete_route(const Route& route) { begin_route(RTM_DELROUTE, 0, route); }

void RouteBatch::add_local_route(unsigned link, const IpAddress& address) {
  // Each interface has a route of its own: one of the same metric would take the place of another's.
  constexpr std::uint32_t kLastChoice = 1024;
  messages_.begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE,
                  rtmsg{.rtm_family = static_cast<std::uint8_t>(address.family()),
                        .rtm_dst_len = static_cast<std::uint8_t>(address.bits()),
                        .rtm_table = RT_TABLE_LOCAL,
                        .rtm_protocol = RTPROT_STATIC,
                        .rtm_scope = RT_SCOPE_HOST,
                        .rtm_type = RTN_LOCAL},
                  fmt::format("add local route of '{}'", address.str()));
  messages_.put(RTA_DST, address.bytes());
  messages_.put_number(RTA_OIF, link);
  messages_.put_number(RTA_PRIORITY, kLastChoice + link);
}

Result<RouteSocket> RouteSocket::open() { return RouteSocket(TRY(NetlinkSocket::open(NETLINK_ROUTE))); }

Result<std::vector<Link>> RouteSocket::links() {
  std::vector<Link> found;
  NetlinkMessages request;
  request.begin(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}, "list interfaces");
  TRY(socket_.ask(request, [&](std::uint16_t, Bytes payload) { found.push_back(link_of(payload)); }));
  return found;
}

Result<std::optional<Link>> RouteSocket::find_link(const std::string& name) {
  std::optional<Link> found;
  NetlinkMessages request;
  request.begin(RTM_GETLINK, 0, ifinfomsg{}, fmt::format("look for interface '{}'", name));
  request.put_text(IFLA_IFNAME, name);
  auto answer = socket_.ask(request, [&](std::uint16_t, Bytes payload) { found = link_of(payload); });
  if (!answer && answer.error().errno_value() != ENODEV) return std::move(answer).error();
  return found;
}

Result<std::vector<LinkAddress>> RouteSocket::addresses(unsigned link) {
  std::vector<LinkAddress> found;
  NetlinkMessages request;
  request.begin(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}, "list addresses");
  TRY(socket_.ask(request, [&](std::uint16_t, Bytes payload) {
    const auto address = address_of(payload);
    if (address && (link == 0 || address->link == link)) found.push_back(*address);
  }));
  return found;
}

Result<std::vector<Route>> RouteSocket::routes() {
  std::vector<Route> found;
  NetlinkMessages request;
  request.begin(RTM_GETROUTE, NLM_F_DUMP, rtmsg{}, "list routes");
  TRY(socket_.ask(request, [&](std::uint16_t, Bytes payload) {
    if (const auto route = route_of(payload)) found.push_back(*route);
  }));
  return found;
}

Result<RouteChoice> RouteSocket::route_to(const IpAddress& address) {
  RouteChoice choice;
  NetlinkMessages request = route_request(address, 0);
  TRY(socket_.ask(request, [&](std::uint16_t, Bytes payload) {
    choice.is_local = body_of<rtmsg>(payload).rtm_type == RTN_LOCAL;
    for (const NetlinkAttribute& a : attributes_in(behind<rtmsg>(payload))) {
      if (a.type == RTA_GATEWAY) choice.gateway = IpAddress::from(a.value);
      if (a.type == RTA_PREFSRC) choice.source = IpAddress::from(a.value);
      if (a.type == RTA_OIF) choice.link = a.number<std::uint32_t>();
    }
  }));
  return choice;
}

Result<IpPrefix> RouteSocket::matching_route(const IpAddress& address) {
  IpPrefix found{.address = address.is_v4() ? IpAddress::v4(0) : IpAddress::v6(0)};
  NetlinkMessages request = route_request(address, RTM_F_FIB_MATCH);
  TRY(socket_.ask(request, [&](std::uint16_t, Bytes payload) {
    found.length = body_of<rtmsg>(payload).rtm_dst_len;
    if (const auto to = find_attribute(behind<rtmsg>(payload), RTA_DST))
      found.address = IpAddress::from(to->value).value_or(found.address);
  }));
  return found;
}

Result<std::optional<Neighbour>> RouteSocket::neighbour(unsigned link, const IpAddress& address) {
  std::optional<Neighbour> found;
  NetlinkMessages request;
  request.begin(RTM_GETNEIGH, NLM_F_DUMP, ndmsg{.ndm_family = static_cast<std::uint8_t>(address.family())},
                "list neighbours");
  TRY(socket_.ask(request, [&](std::uint16_t, Bytes payload) {
    const auto body = body_of<ndmsg>(payload);
    const auto to = find_attribute(behind<ndmsg>(payload), NDA_DST);
    if (body.ndm_ifindex != static_cast<int>(link) || !to || IpAddress::from(to->value) != address) return;
    const auto mac = find_attribute(behind<ndmsg>(payload), NDA_LLADDR);
    found = Neighbour{.mac = mac ? mac_of(mac->value) : std::nullopt,
                      .has_failed = (body.ndm_state & NUD_FAILED) != 0};
  }));
  return found;
}

}  // namespace gantry::kernel
