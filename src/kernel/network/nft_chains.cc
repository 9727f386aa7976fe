// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/nft_chains.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <optional>

namespace gantry::kernel {
namespace {

std::uint32_t big_endian_number(const NetlinkAttribute& attribute) {
  return __builtin_bswap32(attribute.number<std::uint32_t>());
}

// None: a chain that only others jump to.
std::optional<NftBaseChain> base_chain_of(Bytes payload) {
  nfgenmsg body{};
  if (payload.size() < sizeof body) return std::nullopt;
  std::memcpy(&body, payload.data(), sizeof body);
  NftBaseChain chain{.family = body.nfgen_family};
  bool has_hook = false;
  for (const NetlinkAttribute& a : attributes_in(payload.subspan(sizeof body))) {
    if (a.type == NFTA_CHAIN_TABLE) chain.table = a.text();
    if (a.type == NFTA_CHAIN_NAME) chain.name = a.text();
    if (a.type == NFTA_CHAIN_TYPE) chain.type = a.text();
    if (a.type == NFTA_CHAIN_POLICY) chain.drops_the_rest = big_endian_number(a) == NF_DROP;
    if (a.type != NFTA_CHAIN_HOOK) continue;
    has_hook = true;
    if (const auto hook = find_attribute(a.value, NFTA_HOOK_HOOKNUM)) chain.hook = big_endian_number(*hook);
    if (const auto priority = find_attribute(a.value, NFTA_HOOK_PRIORITY))
      chain.priority = static_cast<std::int32_t>(big_endian_number(*priority));
  }
  return has_hook ? std::optional(std::move(chain)) : std::nullopt;
}

}  // namespace

Result<std::vector<NftBaseChain>> nft_base_chains(NetlinkSocket& socket) {
  std::vector<NftBaseChain> found;
  NetlinkMessages request;
  request.begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP,
                nfgenmsg{.nfgen_family = NFPROTO_UNSPEC}, "list chains of packet rules");
  TRY(socket.ask(request, [&](std::uint16_t, Bytes payload) {
    if (auto chain = base_chain_of(payload)) found.push_back(*std::move(chain));
  }));
  return found;
}

std::string_view name_of_family(std::uint8_t family) {
  switch (family) {
    case NFPROTO_INET: return "inet";
    case NFPROTO_IPV4: return "ip";
    case NFPROTO_IPV6: return "ip6";
    case NFPROTO_ARP: return "arp";
    case NFPROTO_BRIDGE: return "bridge";
    case NFPROTO_NETDEV: return "netdev";
    default: return "?";
  }
}

}  // namespace gantry::kernel
