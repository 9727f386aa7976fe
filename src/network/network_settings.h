// SPDX-License-Identifier: Apache-2.0
//
// What the options of a network say, checked once when it is created.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kernel/network/ip_address.h"
#include "network/config.h"

namespace gantry::network {

// Interfaces of the host, with ':' between them, that reach published ports at the container's own address.
inline constexpr std::string_view kOptionTrusted = "com.docker.network.bridge.trusted_host_interfaces";

enum class MacvlanMode : std::uint8_t { Bridge, Private, Vepa, Passthru };

// How the world reaches endpoints. Nat: through published ports alone, and they go out with the host's
// address. Routed: by their own addresses; published ports open those.
enum class GatewayMode : std::uint8_t { Nat, NatUnprotected, Routed, Isolated };

struct NetworkSettings {
  std::string bridge;       // name of the interface; empty: made from the id
  bool is_default = false;  // the default bridge
  bool has_icc = true;      // endpoints may talk with each other
  bool masquerades = true;
  bool inhibits_ipv4 = false;  // the bridge gets no address
  GatewayMode mode4 = GatewayMode::Nat;
  GatewayMode mode6 = GatewayMode::Nat;
  // Of the host; by them published ports are reached at the endpoint's own address, too.
  std::vector<std::string> trusted_interfaces;
  kernel::IpAddress host_binding;  // where ports are published that name no address
  std::uint32_t mtu = 0;           // 0: not said
  std::string interface_prefix = "eth";
  std::string parent;  // of macvlan; empty: an internal interface of its own
  MacvlanMode macvlan_mode = MacvlanMode::Bridge;
};

// InvalidArgument names option and value; Unsupported: an option of Docker's that is not known here.
Result<NetworkSettings> parse_settings(const NetworkConfig& config);

// At most 15 bytes without '/' and white space, and not "." or "..".
Result<void> check_interface_name(const std::string& name);

}  // namespace gantry::network
