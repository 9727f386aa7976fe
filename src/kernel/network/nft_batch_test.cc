// SPDX-License-Identifier: Apache-2.0
//
// Against the kernel: it refuses what is not well-formed.
#include "kernel/network/nft_batch.h"

#include <linux/netfilter_ipv4.h>

#include "kernel/network/ip_address.h"
#include "testing/child.h"
#include "testing/must.h"

namespace gantry::kernel {
namespace {

NftElement element(std::uint32_t address) { return {.key = {0, 0, 0, static_cast<std::uint8_t>(address)}}; }

TEST(NftBatch, IsDoneWholeOrNotAtAll) {
  NEEDS_ROOT();
  testing::in_namespaces(CLONE_NEWNET, [] {
    auto socket = MUST(NetlinkSocket::open(NETLINK_NETFILTER));
    NftBatch good("t");
    good.add_table();
    good.add_set({.name = "s", .key = {NftType::Ipv4}});
    MUST(good.commit(socket));
    NftBatch bad("t");
    const NftElement first[] = {element(1)};
    bad.add_elements("s", first);
    bad.add_elements("nosuch", first);
    const auto failed = bad.commit(socket);
    EXPECT_EQ(failed.error().code(), Code::NotFound);
    EXPECT_NE(failed.error().message().find("add elements of nftables set 'inet t nosuch'"),
              std::string::npos)
        << failed.error().message();
    // The socket is good for more, and the first half did not happen.
    NftBatch again("t");
    again.add_elements("s", first);
    MUST(again.commit(socket));
  });
}

TEST(NftBatch, ThousandsOfElementsAreOneTransaction) {
  NEEDS_ROOT();
  testing::in_namespaces(CLONE_NEWNET, [] {
    auto socket = MUST(NetlinkSocket::open(NETLINK_NETFILTER));
    NftBatch batch("t");
    batch.add_table();
    batch.add_set(
        {.name = "m", .key = {NftType::Protocol, NftType::Port}, .data = {NftType::Ipv4, NftType::Port}});
    std::vector<NftElement> elements;
    for (unsigned port = 0; port < 5000; ++port) {
      NftElement each;
      append_part(each.key, bytes_of(std::uint8_t{6}));
      append_part(each.key, bytes_of(__builtin_bswap16(static_cast<std::uint16_t>(port))));
      append_part(each.data, IpAddress::v4(1).bytes());
      append_part(each.data, bytes_of(std::uint16_t{80}));
      elements.push_back(std::move(each));
    }
    batch.add_elements("m", elements);
    MUST(batch.commit(socket));
    for (NftElement& each : elements) each.data.clear();
    NftBatch removal("t");
    removal.delete_elements("m", elements);
    MUST(removal.commit(socket));
  });
}

TEST(NftBatch, NeighbouringRangesAreTwo) {
  NEEDS_ROOT();
  testing::in_namespaces(CLONE_NEWNET, [] {
    auto socket = MUST(NetlinkSocket::open(NETLINK_NETFILTER));
    NftBatch batch("t");
    batch.add_table();
    batch.add_set({.name = "r", .key = {NftType::Ipv4}, .is_interval = true});
    MUST(batch.commit(socket));
    for (const std::uint32_t first : {16u, 8u}) {
      NftBatch range("t");
      NftElement end = element(first + 8);
      end.is_interval_end = true;
      const NftElement both[] = {element(first), end};
      range.add_elements("r", both);
      MUST(range.commit(socket));
    }
  });
}

}  // namespace
}  // namespace gantry::kernel
