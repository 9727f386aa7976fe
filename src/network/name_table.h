// SPDX-License-Identifier: Apache-2.0
//
// What the endpoints of one network are called. Immutable and shared: a change of the network makes another
// table.
//
//   auto names = NameTable::make("shop", {{.owner = "web", .names = {"web", "3f2a1b0c9d8e", "www"},
//                                          .ipv4 = {address}}});
//   server.set_names(network_id, names);
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gantry::network {

struct NamedEndpoint {
  std::string owner;               // the container's name: what its addresses are called in turn
  std::vector<std::string> names;  // all it answers to: container, short id, host name, aliases
  std::vector<in_addr> ipv4;
  std::vector<in6_addr> ipv6;
};

class NameTable {
 public:
  // In the order of the endpoints. An alias may be several endpoints'.
  struct Addresses {
    std::vector<in_addr> ipv4;
    std::vector<in6_addr> ipv6;
  };

  // `network` is the network's name: "web.shop" is "web" of the network "shop".
  static std::shared_ptr<const NameTable> make(std::string network, std::span<const NamedEndpoint> endpoints);

  const std::string& network() const { return network_; }
  // `name` in lower case, without a dot at its end. Null: nobody is called so.
  const Addresses* find(std::string_view name) const;
  // "web.shop" of "2.0.18.172.in-addr.arpa"; empty: no endpoint has that address.
  std::string_view find_reverse(std::string_view arpa_name) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  template <class Value>
  using Map = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

  std::string network_;  // in lower case
  Map<Addresses> by_name_;
  Map<std::string> by_address_;  // by name below in-addr.arpa or ip6.arpa
};

}  // namespace gantry::network
