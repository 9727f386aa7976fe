// SPDX-License-Identifier: Apache-2.0
//
// Our nftables table (docs/networks.md shows it): who may reach whom, whose address goes out, and where
// published ports lead. One table of family inet that is ours alone; nothing else is read or changed. Rules
// are few and fixed: bridges, subnets and ports are elements of sets and maps, so the cost of a packet does
// not grow with their number, nor does that of a change.
//
// Thread-safe. Keeps what it was told, so that it can make the table again when somebody has removed it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "kernel/network/ip_address.h"
#include "kernel/network/nft_batch.h"
#include "network/network_settings.h"
#include "network/networks.h"

// In the text of records.
template <>
struct gantry::json::TypeOf<gantry::kernel::IpAddress> {
  static Result<void> parse(void* object, std::string_view text);
  static std::string text(const void* object) { return static_cast<const kernel::IpAddress*>(object)->str(); }
  static constexpr Type kType{
      .form = Type::Form::Text, .size = sizeof(kernel::IpAddress), .parse = parse, .text = text};
};

namespace gantry::network {

struct BridgeRules {
  std::vector<kernel::IpPrefix> subnets;
  bool is_internal = false;
  bool has_icc = true;
  bool masquerades = true;
  std::vector<std::string> trusted_interfaces;
  GatewayMode mode4 = GatewayMode::Nat;
  GatewayMode mode6 = GatewayMode::Nat;

  bool operator==(const BridgeRules&) const = default;
};

// Packets to `port` of `address` (or, unspecified, of any address of the host) go to `to_port` of `to`. In
// a routed network `address` and `port` are not translated, `to` and `to_port` are opened: for everybody, or
// (`is_trusted`) for what comes by an interface that the network trusts.
struct PortRule {
  Protocol protocol = Protocol::Tcp;
  kernel::IpAddress address;
  std::uint16_t port = 0;
  kernel::IpAddress to;
  std::uint16_t to_port = 0;
  bool is_routed = false;
  bool is_trusted = false;  // only with is_routed

  auto operator<=>(const PortRule&) const = default;
};

class Firewall {
 public:
  // Touches nothing before the first bridge is there. `drops_foreign`: what is forwarded between others is
  // dropped, since forwarding is on only because of us.
  static Result<std::unique_ptr<Firewall>> open(std::string table);

  Result<void> set_bridge(const std::string& bridge, const BridgeRules& rules);
  Result<void> remove_bridge(const std::string& bridge);
  Result<void> add_ports(std::span<const PortRule> ports);
  Result<void> remove_ports(std::span<const PortRule> ports);
  void drop_foreign();  // from the next change on
  bool drops_foreign() const;

  // Makes the table anew, in one transaction; without any bridge it is removed.
  Result<void> rebuild();
  // Everything that there is to be, at once.
  Result<void> replace(std::map<std::string, BridgeRules> bridges, std::set<PortRule> ports);
  const std::string& table() const { return table_; }
  // Of the socket that changes are made by: in notifications, who has made them.
  std::uint32_t port_id() const { return port_id_; }

 private:
  Firewall(std::string table, kernel::NetlinkSocket socket, std::uint32_t port_id);
  Result<void> rebuild_locked() REQUIRES(mutex_);
  Result<void> change(kernel::NftBatch& batch) REQUIRES(mutex_);
  Result<void> remove_table() REQUIRES(mutex_);

  const std::string table_;
  const std::uint32_t port_id_;
  mutable Mutex mutex_;  // guards what follows
  kernel::NetlinkSocket socket_ GUARDED_BY(mutex_);
  std::map<std::string, BridgeRules> bridges_ GUARDED_BY(mutex_);
  std::set<PortRule> ports_ GUARDED_BY(mutex_);
  bool drops_foreign_ GUARDED_BY(mutex_) = false;
};

}  // namespace gantry::network
