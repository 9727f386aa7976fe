// SPDX-License-Identifier: Apache-2.0
#include "network/name_redirect.h"

#include <linux/netfilter_ipv4.h>

#include "kernel/network/ip_address.h"
#include "kernel/network/network_namespace.h"
#include "kernel/network/nft_batch.h"

namespace gantry::network {
namespace {

using kernel::bytes_of;

constexpr std::uint32_t kDestinationOffset = 16;  // in the header of IPv4
constexpr std::uint16_t kNamePort = 53;

void add_rule(kernel::NftBatch& batch, const kernel::IpAddress& address, std::uint8_t protocol,
              std::uint16_t port) {
  constexpr std::uint8_t kVersion = NFPROTO_IPV4;
  batch.rule("output")
      .meta(NFT_META_NFPROTO, 0)
      .equals(0, bytes_of(kVersion))
      .meta(NFT_META_L4PROTO, 0)
      .equals(0, bytes_of(protocol))
      .payload(NFT_PAYLOAD_NETWORK_HEADER, kDestinationOffset, 4, 0)
      .equals(0, address.bytes())
      .payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1)
      .equals(1, bytes_of(__builtin_bswap16(kNamePort)))
      .load(bytes_of(__builtin_bswap16(port)), 1)
      .destination_nat(kVersion, 0, 1);
}

Result<void> redirect_inside(NamePorts ports, bool replaces) {
  auto socket = TRY(kernel::NetlinkSocket::open(NETLINK_NETFILTER));
  const kernel::IpAddress address = *kernel::IpAddress::parse(kNameServerAddress);
  kernel::NftBatch batch("gantry");
  batch.add_table();
  if (replaces) {
    batch.delete_table();
    batch.add_table();
  }
  batch.add_base_chain(
      {.name = "output", .type = "nat", .hook = NF_INET_LOCAL_OUT, .priority = NF_IP_PRI_NAT_DST});
  add_rule(batch, address, IPPROTO_UDP, ports.udp);
  add_rule(batch, address, IPPROTO_TCP, ports.tcp);
  return batch.commit(socket);
}

}  // namespace

Result<void> redirect_names(int network_namespace, NamePorts ports, bool replaces) {
  return kernel::run_in_network_namespace(network_namespace,
                                          [&] { return redirect_inside(ports, replaces); });
}

}  // namespace gantry::network
