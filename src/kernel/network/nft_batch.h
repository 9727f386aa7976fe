// SPDX-License-Identifier: Apache-2.0
//
// A transaction on one nftables table of family inet (linux/netfilter/nf_tables.h, as nft(8) would send it):
// everything in it happens, or nothing.
//
//   NftBatch batch("gantry0");
//   batch.add_table();
//   batch.add_set({.name = "bridges", .key = {NftType::InterfaceName}});
//   batch.add_base_chain({.name = "forward", .hook = NF_INET_FORWARD});
//   batch.rule("forward").meta(NFT_META_OIFNAME, 0, 16).lookup("bridges", 0).drop();
//   batch.add_elements("bridges", {{.key = interface_key("br0")}});
//   TRY(batch.commit(socket));                  // NETLINK_NETFILTER
//
// Registers are the 4-byte ones, counted from 0 (NFT_REG32_00); a value of more bytes takes several, and
// neighbours together are the key of a set of several types.
#pragma once

#include <netinet/in.h>  // before the kernel's headers, which give way to it

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/network/netlink_socket.h"

namespace gantry::kernel {

// The types of keys and data, with the numbers nft(8) knows them by, so that its listings are readable.
enum class NftType : std::uint8_t { Ipv4 = 7, Ipv6 = 8, Protocol = 12, Port = 13, InterfaceName = 41 };

struct NftSet {
  std::string name;
  std::vector<NftType> key;
  std::vector<NftType> data = {};  // not empty: a map
  bool is_interval = false;        // of ranges rather than values; key of one type
};

// Bytes as they lie in registers: every part filled up to a multiple of four.
using NftBytes = std::vector<std::uint8_t>;
NftBytes& append_part(NftBytes& bytes, Bytes part);
NftBytes interface_key(std::string_view name);  // 16 bytes

struct NftElement {
  NftBytes key;
  NftBytes data = {};            // of a map
  bool is_interval_end = false;  // the first value behind a range
};

struct NftChain {
  std::string name;
  std::string_view type = "filter";
  std::uint32_t hook = 0;  // NF_INET_*
  std::int32_t priority = 0;
};

class NftBatch {
 public:
  // The expressions of a rule, in their order; the rule is complete when this ends.
  class Rule {
   public:
    explicit Rule(NftBatch& batch);
    Rule(const Rule&) = delete;
    Rule& operator=(const Rule&) = delete;

    // Loads into a register.
    Rule& load(Bytes value, unsigned reg);
    Rule& meta(std::uint32_t key, unsigned reg);
    Rule& payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size, unsigned reg);
    Rule& conntrack(std::uint32_t key, unsigned reg);
    Rule& destination_type(unsigned reg);  // of the route to it: RTN_LOCAL, ...
    // Goes on only if the register, masked, equals or does not equal.
    Rule& equals(unsigned reg, Bytes value);
    Rule& differs(unsigned reg, Bytes value);
    Rule& mask(unsigned reg, std::uint32_t bits);  // as the register has them
    // Goes on only if the registers from `reg` on are in the set, or not.
    Rule& lookup(std::string_view set, unsigned reg, bool inverted = false);
    // Goes on only if they are in the map, and loads what belongs to them.
    Rule& map(std::string_view set, unsigned reg, unsigned data);
    // Ends.
    void accept() { verdict(NF_ACCEPT); }
    void drop() { verdict(NF_DROP); }
    void refuse();  // drops, and the sender is told that nobody listens there
    void leave() { verdict(NFT_RETURN); }
    void jump(std::string_view chain) { verdict(NFT_JUMP, chain); }
    void masquerade();
    void destination_nat(std::uint8_t family, unsigned address, unsigned port);

   private:
    template <class Fill>
    Rule& expression(std::string_view name, Fill fill);
    Rule& compare(std::uint32_t operation, unsigned reg, Bytes value);
    void verdict(int code, std::string_view chain = {});
    NetlinkMessages& messages_;
    NetlinkMessages::Nest nest_;
  };

  explicit NftBatch(std::string table);

  void add_table();
  void delete_table();  // fails when it is not there: add it before
  void add_base_chain(const NftChain& chain);
  void add_chain(std::string_view name);
  void add_set(const NftSet& set);
  void add_elements(std::string_view set, std::span<const NftElement> elements);
  void delete_elements(std::string_view set, std::span<const NftElement> elements);
  [[nodiscard]] Rule rule(std::string_view chain);

  // Once.
  Result<void> commit(NetlinkSocket& socket);

 private:
  void begin(std::uint16_t type, std::uint16_t flags, std::string wish);
  void put_elements(std::uint16_t type, std::uint16_t flags, std::string_view set,
                    std::span<const NftElement> elements);
  const std::string table_;
  NetlinkMessages messages_;
  std::uint32_t next_set_ = 1;
};

}  // namespace gantry::kernel
