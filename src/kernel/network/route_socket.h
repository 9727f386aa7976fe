// SPDX-License-Identifier: Apache-2.0
//
// Interfaces, addresses and routes of one network namespace (rtnetlink(7)): what is there, and changes,
// several of which go to the kernel in one call.
//
//   RouteSocket host = TRY(RouteSocket::open());
//   RouteBatch batch;
//   batch.add_veth({.name = "veth1", .master = bridge, .peer_name = "eth0", .peer_namespace = ns});
//   batch.set_port("veth1", {.is_isolated = true});
//   TRY(host.run(batch));
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kernel/network/ip_address.h"
#include "kernel/network/netlink_socket.h"

namespace gantry::kernel {

using MacAddress = std::array<std::uint8_t, 6>;

struct Link {
  unsigned index = 0;
  std::string name;
  std::string kind;     // "bridge", "veth", ...; empty: hardware, loopback
  std::string alias;    // free text, which says whose it is
  unsigned master = 0;  // index of the bridge it is a port of
  std::uint32_t mtu = 0;
  bool is_up = false;  // administratively
  bool has_carrier = false;
  std::optional<MacAddress> mac;
};

struct LinkAddress {
  unsigned link = 0;  // index
  IpPrefix address;   // with its host part
};

struct Route {
  IpPrefix destination;  // of length 0: the default route
  std::optional<IpAddress> gateway;
  unsigned link = 0;  // index of the interface it leaves by
  std::uint32_t metric = 0;
};

// What the kernel would do with a packet to an address.
struct RouteChoice {
  bool is_local = false;  // it is this namespace's own
  std::optional<IpAddress> gateway;
  unsigned link = 0;  // index of the interface it leaves by
  std::optional<IpAddress> source;
};

// What is known of the hardware address of a neighbour.
struct Neighbour {
  std::optional<MacAddress> mac;
  bool has_failed = false;  // it was asked for and did not answer
};

struct NewVeth {
  std::string name;
  unsigned master = 0;  // bridge that it becomes a port of; 0: none
  std::string peer_name;
  int peer_namespace = -1;   // descriptor; -1: the same
  MacAddress peer_mac = {};  // all zeros: a random one
  std::uint32_t mtu = 1500;
};

struct NewMacvlan {
  std::string name;
  unsigned parent = 0;
  std::uint32_t mode = 0;  // MACVLAN_MODE_*
  int target_namespace = -1;
  MacAddress mac = {};
  std::uint32_t mtu = 0;  // 0: the parent's
};

struct PortFlags {
  bool is_hairpin = false;   // frames may leave by the port they came from
  bool is_isolated = false;  // no frames between isolated ports
};

class RouteBatch {
 public:
  void add_bridge(const std::string& name, const MacAddress& mac, std::uint32_t mtu);
  void add_vlan(const std::string& name, unsigned parent, std::uint16_t id);
  void add_veth(const NewVeth& veth);  // the near end is up
  void add_macvlan(const NewMacvlan& macvlan);
  void set_port(const std::string& name, PortFlags flags);  // of a bridge's port
  void set_alias(const std::string& name, const std::string& alias);
  void set_up(const std::string& name);
  void set_mtu(const std::string& name, std::uint32_t mtu);
  void rename(unsigned index, const std::string& name);       // while it is down
  void set_master(const std::string& name, unsigned bridge);  // becomes a port of it
  void delete_link(const std::string& name);
  // Without duplicate address detection: addresses are ours to give.
  void add_address(unsigned link, const IpPrefix& address);
  void delete_address(unsigned link, const IpPrefix& address);
  void add_route(const Route& route);  // in the place of one with this destination and metric
  void delete_route(const Route& route);
  // What arrives by that interface for the address is for this host, whoever has the address.
  void add_local_route(unsigned link, const IpAddress& address);
  bool is_empty() const { return messages_.is_empty(); }

 private:
  friend class RouteSocket;
  void begin_address(std::uint16_t type, std::uint16_t flags, unsigned link, const IpPrefix& address);
  void begin_route(std::uint16_t type, std::uint16_t flags, const Route& route);
  NetlinkMessages messages_;
};

class RouteSocket {
 public:
  static Result<RouteSocket> open();  // in the namespace of the calling thread

  Result<void> run(RouteBatch& batch) { return socket_.run(batch.messages_); }

  Result<std::vector<Link>> links();
  Result<std::optional<Link>> find_link(const std::string& name);
  Result<std::vector<LinkAddress>> addresses(unsigned link = 0);  // 0: of every interface
  Result<std::vector<Route>> routes();                            // of the main table, IPv4 and IPv6
  Result<RouteChoice> route_to(const IpAddress& address);         // fails with ENETUNREACH when there is none
  // The route that decides it, by its destination; fails like route_to().
  Result<IpPrefix> matching_route(const IpAddress& address);
  Result<std::optional<Neighbour>> neighbour(unsigned link, const IpAddress& address);

 private:
  explicit RouteSocket(NetlinkSocket socket) : socket_(std::move(socket)) {}
  NetlinkSocket socket_;
};

}  // namespace gantry::kernel
