// SPDX-License-Identifier: Apache-2.0
//
// For traces: what our packet rules (firewall.cc) do with the first packet of a connection, said without
// asking the kernel. Both follow the rules of their chain in their order.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "network/firewall.h"
#include "network/network_object.h"

namespace gantry::network {

struct TracedPacket {
  Protocol protocol = Protocol::Tcp;
  std::optional<kernel::IpAddress> source;
  kernel::IpAddress to;
  std::uint16_t port = 0;
  bool is_translated = false;  // by a published port
};

// The networks whose bridges it comes and goes by; null: another interface of the host.
struct TracedWay {
  const NetworkObject* in = nullptr;
  const NetworkObject* out = nullptr;
  std::string in_interface;
};

struct RuleVerdict {
  bool passes = true;
  std::string why;
};

// Chain forward.
RuleVerdict forward_verdict(const TracedPacket& packet, const TracedWay& way,
                            std::span<const PortRule> opened, bool drops_foreign);

// Chain postrouting: why the source becomes another; empty if it stays. `networks`: whose source it may be.
std::string masquerade_reason(const TracedPacket& packet, const TracedWay& way,
                              std::span<const NetworkObject* const> networks);

}  // namespace gantry::network
