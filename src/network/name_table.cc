// SPDX-License-Identifier: Apache-2.0
#include "network/name_table.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>

#include "base/lower_case.h"

namespace gantry::network {
namespace {

// RFC 1035 section 3.5.
std::string arpa_name(const in_addr& address) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&address);
  return fmt::format("{}.{}.{}.{}.in-addr.arpa", bytes[3], bytes[2], bytes[1], bytes[0]);
}

// RFC 3596 section 2.5: a nibble a label.
std::string arpa_name(const in6_addr& address) {
  std::string name;
  for (int i = 15; i >= 0; --i)
    name += fmt::format("{:x}.{:x}.", address.s6_addr[i] & 15, address.s6_addr[i] >> 4);
  return name + "ip6.arpa";
}

template <class Address>
void add_once(std::vector<Address>& all, const std::vector<Address>& more) {
  for (const Address& address : more) {
    const auto is_same = [&](const Address& other) {
      return std::memcmp(&other, &address, sizeof address) == 0;
    };
    if (std::ranges::none_of(all, is_same)) all.push_back(address);
  }
}

}  // namespace

std::shared_ptr<const NameTable> NameTable::make(std::string network,
                                                 std::span<const NamedEndpoint> endpoints) {
  auto table = std::make_shared<NameTable>();
  table->network_ = in_lower_case(network);
  for (const NamedEndpoint& endpoint : endpoints) {
    for (const std::string& name : endpoint.names) {
      Addresses& addresses = table->by_name_[in_lower_case(name)];
      add_once(addresses.ipv4, endpoint.ipv4);
      add_once(addresses.ipv6, endpoint.ipv6);
    }
    const std::string full_name = fmt::format("{}.{}", endpoint.owner, network);
    for (const in_addr& address : endpoint.ipv4) table->by_address_[arpa_name(address)] = full_name;
    for (const in6_addr& address : endpoint.ipv6) table->by_address_[arpa_name(address)] = full_name;
  }
  return table;
}

const NameTable::Addresses* NameTable::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second;
}

std::string_view NameTable::find_reverse(std::string_view arpa_name) const {
  const auto found = by_address_.find(arpa_name);
  return found == by_address_.end() ? std::string_view() : found->second;
}

}  // namespace gantry::network
