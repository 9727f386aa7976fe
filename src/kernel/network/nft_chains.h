// SPDX-License-Identifier: Apache-2.0
//
// The base chains of nftables, everybody's: who sees packets at which hook, and in which order. What their
// rules do is not read.
//
//   auto socket = TRY(NetlinkSocket::open(NETLINK_NETFILTER));
//   for (const NftBaseChain& chain : TRY(nft_base_chains(socket)))
//     if (chain.hook == NF_INET_FORWARD && chain.drops_the_rest) ...
#pragma once

#include <netinet/in.h>  // before the kernel's headers, which give way to it

#include <linux/netfilter.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kernel/network/netlink_socket.h"

namespace gantry::kernel {

struct NftBaseChain {
  std::uint8_t family = 0;  // NFPROTO_*
  std::string table;
  std::string name;
  std::string type;             // "filter", "nat", "route"
  std::uint32_t hook = 0;       // NF_INET_*, or NF_NETDEV_* of family netdev
  std::int32_t priority = 0;    // chains of one hook run from the lowest to the highest
  bool drops_the_rest = false;  // policy drop: what none of its rules accepts
};

// Of the network namespace that the socket (NETLINK_NETFILTER) was opened in.
Result<std::vector<NftBaseChain>> nft_base_chains(NetlinkSocket& socket);

// As nft(8) writes it: "inet", "ip", ...; "?" for what it has no word for.
std::string_view name_of_family(std::uint8_t family);

}  // namespace gantry::kernel
