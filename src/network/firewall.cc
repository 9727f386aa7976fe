// SPDX-License-Identifier: Apache-2.0
#include "network/firewall.h"

#include <fmt/format.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "network/sysctl.h"

gantry::Result<void> gantry::json::TypeOf<gantry::kernel::IpAddress>::parse(void* object,
                                                                            std::string_view text) {
  const auto address = kernel::IpAddress::parse(text);
  if (!address) return error(Code::InvalidArgument, "'{}' is no IP address", text);
  *static_cast<kernel::IpAddress*>(object) = *address;
  return {};
}

namespace gantry::network {
namespace {

using kernel::bytes_of;
using kernel::IpPrefix;
using kernel::NftBatch;
using kernel::NftBytes;
using kernel::NftElement;
using kernel::NftType;

// The bits that NFT_CT_STATE loads: 1 is "invalid", then each state by its number.
constexpr std::uint32_t kEstablishedOrRelated = 1u << (IP_CT_ESTABLISHED + 1) | 1u << (IP_CT_RELATED + 1);

// Where rules keep what they load. An interface's name takes four registers, an IPv6 address too.
constexpr unsigned kIn = 0;
constexpr unsigned kOut = 4;
constexpr unsigned kFirst = 8;  // of anything else

// What differs between the two versions of the Internet Protocol.
struct Version {
  std::uint8_t family;  // NFPROTO_*
  char digit;
  NftType address;
  std::uint32_t size;         // of an address, in bytes
  std::uint32_t source;       // offset in the header
  std::uint32_t destination;  // likewise
  unsigned registers;         // that an address takes
};
constexpr Version kVersions[] = {
    {NFPROTO_IPV4, '4', NftType::Ipv4, 4, 12, 16, 1},
    {NFPROTO_IPV6, '6', NftType::Ipv6, 16, 8, 24, 4},
};
const Version& version_of(const kernel::IpAddress& address) { return kVersions[address.is_v4() ? 0 : 1]; }

std::string named(std::string_view set, const Version& version) {
  return fmt::format("{}{}", set, version.digit);
}

// ---- The fixed part

void add_sets(NftBatch& batch) {
  batch.add_set({.name = "bridges", .key = {NftType::InterfaceName}});
  batch.add_set({.name = "internal", .key = {NftType::InterfaceName}});
  batch.add_set({.name = "trusted", .key = {NftType::InterfaceName, NftType::InterfaceName}});
  batch.add_set({.name = "inside", .key = {NftType::InterfaceName, NftType::InterfaceName}});
  for (const Version& v : kVersions) {
    batch.add_set({.name = named("closed", v), .key = {NftType::InterfaceName}});
    batch.add_set({.name = named("own", v), .key = {v.address}, .is_interval = true});
    batch.add_set({.name = named("hidden", v), .key = {v.address}, .is_interval = true});
    for (const char* set : {"open", "direct"})
      batch.add_set({.name = named(set, v), .key = {v.address, NftType::Protocol, NftType::Port}});
    batch.add_set({.name = named("published", v),
                   .key = {NftType::Protocol, NftType::Port},
                   .data = {v.address, NftType::Port}});
    batch.add_set({.name = named("published_at", v),
                   .key = {v.address, NftType::Protocol, NftType::Port},
                   .data = {v.address, NftType::Port}});
  }
}

NftBatch::Rule& if_version(NftBatch::Rule& rule, const Version& v) {
  return rule.meta(NFT_META_NFPROTO, kFirst).equals(kFirst, bytes_of(v.family));
}

// Only for packets to which a published port's map was applied.
NftBatch::Rule& if_translated(NftBatch::Rule& rule) {
  return rule.conntrack(NFT_CT_STATUS, kFirst)
      .mask(kFirst, IPS_DST_NAT)
      .differs(kFirst, bytes_of(std::uint32_t{0}));
}

// Address, protocol and port of the destination into neighbouring registers.
NftBatch::Rule& load_destination(NftBatch::Rule& rule, const Version& v) {
  return rule.payload(NFT_PAYLOAD_NETWORK_HEADER, v.destination, v.size, kFirst)
      .meta(NFT_META_L4PROTO, kFirst + v.registers)
      .payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, kFirst + v.registers + 1);
}

// Goes on for 127.0.0.0/8 as the destination (at offset 16) or source (12).
NftBatch::Rule& if_loopback4(NftBatch::Rule& rule, std::uint32_t offset) {
  constexpr std::uint8_t kNetwork = 127;
  return if_version(rule, kVersions[0])
      .payload(NFT_PAYLOAD_NETWORK_HEADER, offset, 1, kFirst)
      .equals(kFirst, bytes_of(kNetwork));
}

NftBatch::Rule& if_loopback6(NftBatch::Rule& rule, std::uint32_t offset) {
  return if_version(rule, kVersions[1])
      .payload(NFT_PAYLOAD_NETWORK_HEADER, offset, kVersions[1].size, kFirst)
      .equals(kFirst, kernel::IpAddress::v6(1).bytes());
}

// The host's loopback is reachable from its bridges (route_localnet), which the way back of connections from
// 127.0.0.1 to published ports needs; but no endpoint may begin a connection to it.
void add_loopback_guard(NftBatch& batch) {
  batch.add_base_chain({.name = "guard", .hook = NF_INET_PRE_ROUTING, .priority = NF_IP_PRI_RAW});
  auto rule = batch.rule("guard");
  // Every packet comes by here: what few are is asked first.
  if_loopback4(rule, kVersions[0].destination).meta(NFT_META_IIFNAME, kIn).lookup("bridges", kIn).drop();
}

// What goes between interfaces that are none of ours. Bridges of others are left to those: another daemon's
// containers talk over one, and the host may forward such packets, too (br_netfilter).
void add_foreign_rules(NftBatch& batch) {
  NftBytes kind(IFNAMSIZ);  // as the register has it
  std::ranges::copy(std::string_view("bridge"), kind.begin());
  const auto foreign = [](NftBatch::Rule& rule) -> NftBatch::Rule& {
    return rule.meta(NFT_META_IIFNAME, kIn)
        .lookup("bridges", kIn, true)
        .meta(NFT_META_OIFNAME, kOut)
        .lookup("bridges", kOut, true);
  };
  // An interface without a kind ends only its own rule.
  for (const std::uint32_t key : {NFT_META_IIFKIND, NFT_META_OIFKIND}) {
    auto rule = batch.rule("forward");
    foreign(rule).meta(key, kIn).equals(kIn, kind).leave();
  }
  auto rule = batch.rule("forward");
  foreign(rule).drop();
}

void add_forward_chain(NftBatch& batch, bool drops_foreign) {
  batch.add_base_chain({.name = "forward", .hook = NF_INET_FORWARD, .priority = NF_IP_PRI_FILTER});
  batch.rule("forward")
      .conntrack(NFT_CT_STATE, kFirst)
      .mask(kFirst, kEstablishedOrRelated)
      .differs(kFirst, bytes_of(std::uint32_t{0}))
      .accept();
  batch.rule("forward")
      .meta(NFT_META_IIFNAME, kIn)
      .meta(NFT_META_OIFNAME, kOut)
      .lookup("inside", kIn)
      .accept();
  batch.rule("forward").meta(NFT_META_IIFNAME, kIn).lookup("internal", kIn).drop();
  batch.rule("forward").meta(NFT_META_OIFNAME, kOut).lookup("internal", kOut).drop();
  {
    auto rule = batch.rule("forward");
    rule.meta(NFT_META_OIFNAME, kOut).lookup("bridges", kOut);
    if_translated(rule).accept();
  }
  for (const Version& v : kVersions) {
    {
      auto rule = batch.rule("forward");
      load_destination(if_version(rule, v), v).lookup(named("open", v), kFirst).accept();
    }
    {
      auto rule = batch.rule("forward");
      rule.meta(NFT_META_IIFNAME, kIn).meta(NFT_META_OIFNAME, kOut).lookup("trusted", kIn);
      load_destination(if_version(rule, v), v).lookup(named("direct", v), kFirst).accept();
    }
    auto rule = batch.rule("forward");
    if_version(rule, v).meta(NFT_META_OIFNAME, kOut).lookup(named("closed", v), kOut).drop();
  }
  if (drops_foreign) add_foreign_rules(batch);
}

// Behind the key, where a map's data is loaded.
constexpr unsigned data_of(const Version& v) { return kFirst - v.registers - 1; }

// With br_netfilter, answers to ::1 are translated back while they are on the bridge, and the kernel takes
// none from an interface that bears it. Refused at once, clients of "localhost" go on to 127.0.0.1; without
// an answer they would wait.
void refuse_loopback6(NftBatch& batch) {
  const Version& v = kVersions[1];
  {
    auto rule = batch.rule("output");
    if_loopback6(rule, v.destination).leave();
  }
  batch.add_base_chain({.name = "refuse", .hook = NF_INET_LOCAL_OUT, .priority = NF_IP_PRI_FILTER});
  for (const auto& [map, key] :
       {std::pair("published_at", kFirst), std::pair("published", kFirst + v.registers)}) {
    auto rule = batch.rule("refuse");
    load_destination(if_loopback6(rule, v.destination), v).map(named(map, v), key, data_of(v)).refuse();
  }
}

void add_published_chains(NftBatch& batch) {
  batch.add_chain("published");
  for (const Version& v : kVersions) {
    const unsigned data = data_of(v);
    {
      auto rule = batch.rule("published");
      load_destination(if_version(rule, v), v)
          .map(named("published_at", v), kFirst, data)
          .destination_nat(v.family, data, data + v.registers);
    }
    auto rule = batch.rule("published");
    load_destination(if_version(rule, v), v)
        .map(named("published", v), kFirst + v.registers, data)
        .destination_nat(v.family, data, data + v.registers);
  }
  batch.add_base_chain(
      {.name = "prerouting", .type = "nat", .hook = NF_INET_PRE_ROUTING, .priority = NF_IP_PRI_NAT_DST});
  {
    // A neighbour that sends packets to 127.0.0.1 must not reach what is published there.
    auto rule = batch.rule("prerouting");
    if_loopback4(rule, kVersions[0].destination).leave();
  }
  batch.add_base_chain(
      {.name = "output", .type = "nat", .hook = NF_INET_LOCAL_OUT, .priority = NF_IP_PRI_NAT_DST});
  if (bridges_call_rules(false)) refuse_loopback6(batch);
  for (const char* chain : {"prerouting", "output"})
    batch.rule(chain)
        .destination_type(kFirst)
        .equals(kFirst, bytes_of(std::uint32_t{RTN_LOCAL}))
        .jump("published");
}

void add_postrouting_chain(NftBatch& batch) {
  batch.add_base_chain(
      {.name = "postrouting", .type = "nat", .hook = NF_INET_POST_ROUTING, .priority = NF_IP_PRI_NAT_SRC});
  for (const Version& v : kVersions) {
    {
      // What goes out of the host does so with the host's address.
      auto rule = batch.rule("postrouting");
      if_version(rule, v)
          .payload(NFT_PAYLOAD_NETWORK_HEADER, v.source, v.size, kFirst)
          .lookup(named("hidden", v), kFirst)
          .meta(NFT_META_OIFNAME, kOut)
          .lookup("bridges", kOut, true)
          .masquerade();
    }
    // An endpoint that reaches another by a published port must get its answers by the same way, and not
    // directly from that one, whose address it has never heard of.
    auto rule = batch.rule("postrouting");
    if_version(rule, v)
        .payload(NFT_PAYLOAD_NETWORK_HEADER, v.source, v.size, kFirst)
        .lookup(named("own", v), kFirst)
        .meta(NFT_META_OIFNAME, kOut)
        .lookup("bridges", kOut);
    if_translated(rule).masquerade();
  }
  {
    auto rule = batch.rule("postrouting");
    rule.meta(NFT_META_OIFNAME, kOut).lookup("bridges", kOut);
    if_loopback4(rule, kVersions[0].source).masquerade();
  }
  auto rule = batch.rule("postrouting");
  rule.meta(NFT_META_OIFNAME, kOut).lookup("bridges", kOut);
  if_loopback6(rule, kVersions[1].source).masquerade();
}

// ---- The elements

using Elements = std::map<std::string, std::vector<NftElement>>;  // by set

NftBytes pair_key(std::string_view in, std::string_view out) {
  NftBytes key = kernel::interface_key(in);
  return kernel::append_part(key, kernel::interface_key(out));
}

void add_range(std::vector<NftElement>& elements, const IpPrefix& prefix) {
  const auto bytes = [](const kernel::IpAddress& address) {
    return NftBytes(address.bytes().begin(), address.bytes().end());
  };
  elements.push_back({.key = bytes(prefix.first())});
  const kernel::IpAddress end = prefix.last().plus(1);
  if (!end.is_unspecified()) elements.push_back({.key = bytes(end), .is_interval_end = true});
}

void add_bridge_elements(Elements& elements, const std::string& bridge, const BridgeRules& rules) {
  const NftElement name{.key = kernel::interface_key(bridge)};
  elements["bridges"].push_back(name);
  if (rules.is_internal) elements["internal"].push_back(name);
  if (rules.has_icc) elements["inside"].push_back({.key = pair_key(bridge, bridge)});
  for (const std::string& trusted : rules.trusted_interfaces)
    elements["trusted"].push_back({.key = pair_key(trusted, bridge)});
  if (rules.mode4 != GatewayMode::NatUnprotected) elements["closed4"].push_back(name);
  if (rules.mode6 != GatewayMode::NatUnprotected) elements["closed6"].push_back(name);
  for (const IpPrefix& subnet : rules.subnets) {
    const Version& v = version_of(subnet.address);
    const GatewayMode mode = subnet.address.is_v4() ? rules.mode4 : rules.mode6;
    const bool is_nat = mode == GatewayMode::Nat || mode == GatewayMode::NatUnprotected;
    add_range(elements[named("own", v)], subnet);
    if (rules.masquerades && is_nat && !rules.is_internal) add_range(elements[named("hidden", v)], subnet);
  }
}

constexpr std::uint8_t number_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::Tcp: return IPPROTO_TCP;
    case Protocol::Udp: return IPPROTO_UDP;
    case Protocol::Sctp: return IPPROTO_SCTP;
  }
  return 0;
}

void append_port(NftBytes& bytes, std::uint16_t port) {
  kernel::append_part(bytes, bytes_of(__builtin_bswap16(port)));
}

void add_port_element(Elements& elements, const PortRule& port) {
  const Version& v = version_of(port.to);
  NftElement element;
  const kernel::IpAddress& address = port.is_routed ? port.to : port.address;
  const bool is_anywhere = address.is_unspecified();
  if (!is_anywhere) kernel::append_part(element.key, address.bytes());
  kernel::append_part(element.key, bytes_of(number_of(port.protocol)));
  append_port(element.key, port.is_routed ? port.to_port : port.port);
  if (port.is_routed) {
    elements[named(port.is_trusted ? "direct" : "open", v)].push_back(std::move(element));
    return;
  }
  kernel::append_part(element.data, port.to.bytes());
  append_port(element.data, port.to_port);
  elements[named(is_anywhere ? "published" : "published_at", v)].push_back(std::move(element));
}

Elements elements_of(std::span<const PortRule> ports) {
  Elements elements;
  for (const PortRule& port : ports) add_port_element(elements, port);
  return elements;
}

void add(NftBatch& batch, const Elements& elements) {
  for (const auto& [set, list] : elements) batch.add_elements(set, list);
}

void remove(NftBatch& batch, Elements elements) {
  for (auto& [set, list] : elements) {
    for (NftElement& element : list) element.data.clear();
    batch.delete_elements(set, list);
  }
}

}  // namespace

Firewall::Firewall(std::string table, kernel::NetlinkSocket socket, std::uint32_t port_id)
    : table_(std::move(table)), port_id_(port_id), socket_(std::move(socket)) {}

Result<std::unique_ptr<Firewall>> Firewall::open(std::string table) {
  auto socket = TRY(kernel::NetlinkSocket::open(NETLINK_NETFILTER));
  const std::uint32_t port_id = TRY(socket.port_id());
  return std::unique_ptr<Firewall>(new Firewall(std::move(table), std::move(socket), port_id));
}

Result<void> Firewall::remove_table() {
  NftBatch batch(table_);
  batch.add_table();
  batch.delete_table();
  return batch.commit(socket_);
}

Result<void> Firewall::rebuild_locked() {
  if (bridges_.empty() && ports_.empty()) return remove_table();
  NftBatch batch(table_);
  batch.add_table();
  batch.delete_table();
  batch.add_table();
  add_sets(batch);
  add_loopback_guard(batch);
  add_forward_chain(batch, drops_foreign_);
  add_published_chains(batch);
  add_postrouting_chain(batch);
  Elements elements;
  for (const auto& [bridge, rules] : bridges_) add_bridge_elements(elements, bridge, rules);
  for (const PortRule& port : ports_) add_port_element(elements, port);
  add(batch, elements);
  return batch.commit(socket_);
}

Result<void> Firewall::rebuild() {
  MutexLock lock(mutex_);
  return rebuild_locked();
}

Result<void> Firewall::replace(std::map<std::string, BridgeRules> bridges, std::set<PortRule> ports) {
  MutexLock lock(mutex_);
  bridges_ = std::move(bridges);
  ports_ = std::move(ports);
  return rebuild_locked();
}

void Firewall::drop_foreign() {
  MutexLock lock(mutex_);
  drops_foreign_ = true;
}

bool Firewall::drops_foreign() const {
  MutexLock lock(mutex_);
  return drops_foreign_;
}

// Fails when somebody else has changed the table; then it is made anew, as it is to be.
Result<void> Firewall::change(NftBatch& batch) {
  return batch.commit(socket_) ? Result<void>() : rebuild_locked();
}

Result<void> Firewall::set_bridge(const std::string& bridge, const BridgeRules& rules) {
  MutexLock lock(mutex_);
  if (const auto found = bridges_.find(bridge); found != bridges_.end() && found->second == rules) return {};
  const bool is_first = bridges_.empty() && ports_.empty();
  const bool is_new = bridges_.insert_or_assign(bridge, rules).second;
  Elements elements;
  add_bridge_elements(elements, bridge, rules);
  NftBatch batch(table_);
  add(batch, elements);
  auto changed = is_first || !is_new ? rebuild_locked() : change(batch);
  if (!changed) bridges_.erase(bridge);
  return changed;
}

Result<void> Firewall::remove_bridge(const std::string& bridge) {
  MutexLock lock(mutex_);
  const auto found = bridges_.extract(bridge);
  if (found.empty()) return {};
  if (bridges_.empty() && ports_.empty()) return remove_table();
  Elements elements;
  add_bridge_elements(elements, bridge, found.mapped());
  NftBatch batch(table_);
  remove(batch, std::move(elements));
  return change(batch);
}

Result<void> Firewall::add_ports(std::span<const PortRule> ports) {
  MutexLock lock(mutex_);
  std::vector<PortRule> fresh;
  for (const PortRule& port : ports)
    if (ports_.insert(port).second) fresh.push_back(port);
  if (fresh.empty()) return {};
  NftBatch batch(table_);
  add(batch, elements_of(fresh));
  auto changed = change(batch);
  if (!changed)
    for (const PortRule& port : fresh) ports_.erase(port);
  return changed;
}

Result<void> Firewall::remove_ports(std::span<const PortRule> ports) {
  MutexLock lock(mutex_);
  std::vector<PortRule> gone;
  for (const PortRule& port : ports)
    if (ports_.erase(port) != 0) gone.push_back(port);
  if (gone.empty()) return {};
  NftBatch batch(table_);
  remove(batch, elements_of(gone));
  return change(batch);
}

}  // namespace gantry::network
