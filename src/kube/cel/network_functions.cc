// SPDX-License-Identifier: Apache-2.0
//
// Kubernetes' libraries for IP addresses and CIDR blocks.
#include <algorithm>

#include "kube/cel/function.h"
#include "kube/cel/ip_text.h"

namespace gantry::kube::cel {
namespace {

const IpAddress& ip(const Value& value) { return value.opaque<IpAddress>(); }
const CidrBlock& cidr(const Value& value) { return value.opaque<CidrBlock>(); }

Value of_ip(const IpAddress& address, const Call& call) {
  return Value::of_opaque(Kind::Ip, call.memory.make(address));
}

Value make_ip(const Call& call) {
  const auto address = parse_ip(call.text(0));
  return address ? of_ip(*address, call) : call.error(address.error());
}

Value make_cidr(const Call& call) {
  const auto block = parse_cidr(call.text(0));
  return block ? Value::of_opaque(Kind::Cidr, call.memory.make(*block)) : call.error(block.error());
}

bool is_unspecified(const IpAddress& address) {
  return std::ranges::all_of(address.bytes, [](std::uint8_t byte) { return byte == 0; });
}

bool is_loopback(const IpAddress& address) {
  if (address.is_v4) return address.bytes[0] == 127;
  IpAddress one;
  one.bytes[15] = 1;
  return address == one;
}

bool is_multicast(const IpAddress& address) {
  return address.is_v4 ? (address.bytes[0] & 0xF0U) == 0xE0 : address.bytes[0] == 0xFF;
}

bool is_link_local_multicast(const IpAddress& address) {
  const auto& b = address.bytes;
  return address.is_v4 ? b[0] == 224 && b[1] == 0 && b[2] == 0 : b[0] == 0xFF && (b[1] & 0x0FU) == 0x02;
}

bool is_link_local_unicast(const IpAddress& address) {
  const auto& b = address.bytes;
  return address.is_v4 ? b[0] == 169 && b[1] == 254 : b[0] == 0xFE && (b[1] & 0xC0U) == 0x80;
}

bool is_broadcast(const IpAddress& address) {
  return address.is_v4 &&
         std::all_of(address.bytes, address.bytes + 4, [](std::uint8_t byte) { return byte == 255; });
}

bool is_global_unicast(const IpAddress& address) {
  return !is_broadcast(address) && !is_unspecified(address) && !is_loopback(address) &&
         !is_multicast(address) && !is_link_local_unicast(address);
}

template <bool (*holds)(const IpAddress&)>
Value of_address(const Call& call) {
  return Value::of_bool(holds(ip(call[0])));
}

bool contains_block(const CidrBlock& outer, const CidrBlock& inner) {
  return outer.prefix <= inner.prefix && contains(outer, inner.address);
}

constexpr Declaration kFunctions[] = {
    {"ip(string) -> ip", Cost::Parse, make_ip},
    {"isIP(string) -> bool", Cost::Parse,
     [](const Call& call) { return Value::of_bool(parse_ip(call.text(0)).has_value()); }},
    {"ip.isCanonical(string) -> bool", Cost::ParseTwice,
     [](const Call& call) {
       const auto address = parse_ip(call.text(0));
       return address ? Value::of_bool(text_of(*address) == call.text(0)) : call.error(address.error());
     }},
    {".family(ip) -> int", Cost::One,
     [](const Call& call) { return Value::of_int(ip(call[0]).is_v4 ? 4 : 6); }},
    {".isUnspecified(ip) -> bool", Cost::One, of_address<is_unspecified>},
    {".isLoopback(ip) -> bool", Cost::One, of_address<is_loopback>},
    {".isLinkLocalMulticast(ip) -> bool", Cost::One, of_address<is_link_local_multicast>},
    {".isLinkLocalUnicast(ip) -> bool", Cost::One, of_address<is_link_local_unicast>},
    {".isGlobalUnicast(ip) -> bool", Cost::One, of_address<is_global_unicast>},
    {"string(ip) -> string", Cost::One, [](const Call& call) { return call.string(text_of(ip(call[0]))); }},

    {"cidr(string) -> cidr", Cost::Parse, make_cidr},
    {"isCIDR(string) -> bool", Cost::Parse,
     [](const Call& call) { return Value::of_bool(parse_cidr(call.text(0)).has_value()); }},
    {".containsIP(cidr, string) -> bool", Cost::ContainsIpText,
     [](const Call& call) {
       const auto address = parse_ip(call.text(1));
       return address ? Value::of_bool(contains(cidr(call[0]), *address)) : call.error(address.error());
     }},
    {".containsIP(cidr, ip) -> bool", Cost::ContainsIp,
     [](const Call& call) { return Value::of_bool(contains(cidr(call[0]), ip(call[1]))); }},
    {".containsCIDR(cidr, string) -> bool", Cost::ContainsCidrText,
     [](const Call& call) {
       const auto block = parse_cidr(call.text(1));
       return block ? Value::of_bool(contains_block(cidr(call[0]), *block)) : call.error(block.error());
     }},
    {".containsCIDR(cidr, cidr) -> bool", Cost::ContainsCidr,
     [](const Call& call) { return Value::of_bool(contains_block(cidr(call[0]), cidr(call[1]))); }},
    {".ip(cidr) -> ip", Cost::One, [](const Call& call) { return of_ip(cidr(call[0]).address, call); }},
    {".prefixLength(cidr) -> int", Cost::One,
     [](const Call& call) { return Value::of_int(cidr(call[0]).prefix); }},
    {".masked(cidr) -> cidr", Cost::One,
     [](const Call& call) {
       const CidrBlock block{masked(cidr(call[0]).address, cidr(call[0]).prefix), cidr(call[0]).prefix};
       return Value::of_opaque(Kind::Cidr, call.memory.make(block));
     }},
    {"string(cidr) -> string", Cost::One,
     [](const Call& call) { return call.string(text_of(cidr(call[0]))); }},
};

}  // namespace

std::span<const Declaration> network_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
