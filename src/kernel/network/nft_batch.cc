// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/nft_batch.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>

namespace gantry::kernel {
namespace {

constexpr std::uint16_t type_of_message(int message) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

std::uint32_t size_of(NftType type) {
  switch (type) {
    case NftType::Ipv4: return 4;
    case NftType::Ipv6: return 16;
    case NftType::Protocol: return 1;
    case NftType::Port: return 2;
    case NftType::InterfaceName: return IFNAMSIZ;
  }
  return 0;
}

struct Layout {
  std::uint32_t type = 0;
  std::uint32_t size = 0;  // bytes
};

// nft(8) shifts the numbers of concatenated types by six bits each; each part fills whole registers.
Layout layout_of(const std::vector<NftType>& types) {
  Layout layout;
  for (const NftType type : types) {
    layout.type = layout.type << 6 | static_cast<std::uint32_t>(type);
    const std::uint32_t size = size_of(type);
    layout.size += types.size() == 1 ? size : (size + 3) / 4 * 4;
  }
  return layout;
}

// An attribute holds 64 KiB at most; an element takes less than 128 bytes.
constexpr std::size_t kElementsInMessage = 400;

}  // namespace

NftBytes& append_part(NftBytes& bytes, Bytes part) {
  bytes.insert(bytes.end(), part.begin(), part.end());
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

NftBytes interface_key(std::string_view name) {
  NftBytes key(name.begin(), name.end());
  key.resize(IFNAMSIZ);
  return key;
}

// ---- Rules

NftBatch::Rule::Rule(NftBatch& batch)
    : messages_(batch.messages_), nest_(batch.messages_.nest(NFTA_RULE_EXPRESSIONS)) {}

template <class Fill>
NftBatch::Rule& NftBatch::Rule::expression(std::string_view name, Fill fill) {
  const auto element = messages_.nest(NFTA_LIST_ELEM);
  messages_.put_text(NFTA_EXPR_NAME, name);
  const auto data = messages_.nest(NFTA_EXPR_DATA);
  fill();
  return *this;
}

NftBatch::Rule& NftBatch::Rule::load(Bytes value, unsigned reg) {
  return expression("immediate", [&] {
    messages_.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG32_00 + reg);
    const auto data = messages_.nest(NFTA_IMMEDIATE_DATA);
    messages_.put(NFTA_DATA_VALUE, value);
  });
}

NftBatch::Rule& NftBatch::Rule::meta(std::uint32_t key, unsigned reg) {
  return expression("meta", [&] {
    messages_.put_be32(NFTA_META_DREG, NFT_REG32_00 + reg);
    messages_.put_be32(NFTA_META_KEY, key);
  });
}

NftBatch::Rule& NftBatch::Rule::payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size,
                                        unsigned reg) {
  return expression("payload", [&] {
    messages_.put_be32(NFTA_PAYLOAD_DREG, NFT_REG32_00 + reg);
    messages_.put_be32(NFTA_PAYLOAD_BASE, base);
    messages_.put_be32(NFTA_PAYLOAD_OFFSET, offset);
    messages_.put_be32(NFTA_PAYLOAD_LEN, size);
  });
}

NftBatch::Rule& NftBatch::Rule::conntrack(std::uint32_t key, unsigned reg) {
  return expression("ct", [&] {
    messages_.put_be32(NFTA_CT_DREG, NFT_REG32_00 + reg);
    messages_.put_be32(NFTA_CT_KEY, key);
  });
}

NftBatch::Rule& NftBatch::Rule::destination_type(unsigned reg) {
  return expression("fib", [&] {
    messages_.put_be32(NFTA_FIB_DREG, NFT_REG32_00 + reg);
    messages_.put_be32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    messages_.put_be32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
  });
}

NftBatch::Rule& NftBatch::Rule::compare(std::uint32_t operation, unsigned reg, Bytes value) {
  return expression("cmp", [&] {
    messages_.put_be32(NFTA_CMP_SREG, NFT_REG32_00 + reg);
    messages_.put_be32(NFTA_CMP_OP, operation);
    const auto data = messages_.nest(NFTA_CMP_DATA);
    messages_.put(NFTA_DATA_VALUE, value);
  });
}

NftBatch::Rule& NftBatch::Rule::equals(unsigned reg, Bytes value) { return compare(NFT_CMP_EQ, reg, value); }
NftBatch::Rule& NftBatch::Rule::differs(unsigned reg, Bytes value) {
  return compare(NFT_CMP_NEQ, reg, value);
}

NftBatch::Rule& NftBatch::Rule::mask(unsigned reg, std::uint32_t bits) {
  return expression("bitwise", [&] {
    messages_.put_be32(NFTA_BITWISE_SREG, NFT_REG32_00 + reg);
    messages_.put_be32(NFTA_BITWISE_DREG, NFT_REG32_00 + reg);
    messages_.put_be32(NFTA_BITWISE_LEN, sizeof bits);
    {
      const auto data = messages_.nest(NFTA_BITWISE_MASK);
      messages_.put_number(NFTA_DATA_VALUE, bits);
    }
    const auto data = messages_.nest(NFTA_BITWISE_XOR);
    messages_.put_number(NFTA_DATA_VALUE, std::uint32_t{0});
  });
}

NftBatch::Rule& NftBatch::Rule::lookup(std::string_view set, unsigned reg, bool inverted) {
  return expression("lookup", [&] {
    messages_.put_text(NFTA_LOOKUP_SET, set);
    messages_.put_be32(NFTA_LOOKUP_SREG, NFT_REG32_00 + reg);
    if (inverted) messages_.put_be32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
  });
}

NftBatch::Rule& NftBatch::Rule::map(std::string_view set, unsigned reg, unsigned data) {
  return expression("lookup", [&] {
    messages_.put_text(NFTA_LOOKUP_SET, set);
    messages_.put_be32(NFTA_LOOKUP_SREG, NFT_REG32_00 + reg);
    messages_.put_be32(NFTA_LOOKUP_DREG, NFT_REG32_00 + data);
  });
}

void NftBatch::Rule::verdict(int code, std::string_view chain) {
  expression("immediate", [&] {
    messages_.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    const auto data = messages_.nest(NFTA_IMMEDIATE_DATA);
    const auto verdict = messages_.nest(NFTA_DATA_VERDICT);
    messages_.put_be32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
    if (!chain.empty()) messages_.put_text(NFTA_VERDICT_CHAIN, chain);
  });
}

void NftBatch::Rule::refuse() {
  expression("reject", [&] {
    messages_.put_be32(NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
    messages_.put_number(NFTA_REJECT_ICMP_CODE, std::uint8_t{NFT_REJECT_ICMPX_PORT_UNREACH});
  });
}

void NftBatch::Rule::masquerade() {
  expression("masq", [] {});
}

void NftBatch::Rule::destination_nat(std::uint8_t family, unsigned address, unsigned port) {
  expression("nat", [&] {
    messages_.put_be32(NFTA_NAT_TYPE, NFT_NAT_DNAT);
    messages_.put_be32(NFTA_NAT_FAMILY, family);
    messages_.put_be32(NFTA_NAT_REG_ADDR_MIN, NFT_REG32_00 + address);
    messages_.put_be32(NFTA_NAT_REG_PROTO_MIN, NFT_REG32_00 + port);
  });
}

// ---- The transaction

NftBatch::NftBatch(std::string table) : table_(std::move(table)) {
  messages_.begin(NFNL_MSG_BATCH_BEGIN, 0, nfgenmsg{.res_id = htons(NFNL_SUBSYS_NFTABLES)},
                  fmt::format("change nftables table 'inet {}'", table_));
}

void NftBatch::begin(std::uint16_t type, std::uint16_t flags, std::string wish) {
  messages_.begin(type_of_message(type), flags, nfgenmsg{.nfgen_family = NFPROTO_INET}, std::move(wish));
}

void NftBatch::add_table() {
  begin(NFT_MSG_NEWTABLE, NLM_F_CREATE, fmt::format("add nftables table 'inet {}'", table_));
  messages_.put_text(NFTA_TABLE_NAME, table_);
}

void NftBatch::delete_table() {
  begin(NFT_MSG_DELTABLE, 0, fmt::format("delete nftables table 'inet {}'", table_));
  messages_.put_text(NFTA_TABLE_NAME, table_);
}

void NftBatch::add_base_chain(const NftChain& chain) {
  begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, fmt::format("add nftables chain 'inet {} {}'", table_, chain.name));
  messages_.put_text(NFTA_CHAIN_TABLE, table_);
  messages_.put_text(NFTA_CHAIN_NAME, chain.name);
  messages_.put_text(NFTA_CHAIN_TYPE, chain.type);
  messages_.put_be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
  const auto hook = messages_.nest(NFTA_CHAIN_HOOK);
  messages_.put_be32(NFTA_HOOK_HOOKNUM, chain.hook);
  messages_.put_be32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(chain.priority));
}

void NftBatch::add_chain(std::string_view name) {
  begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE, fmt::format("add nftables chain 'inet {} {}'", table_, name));
  messages_.put_text(NFTA_CHAIN_TABLE, table_);
  messages_.put_text(NFTA_CHAIN_NAME, name);
}

void NftBatch::add_set(const NftSet& set) {
  begin(NFT_MSG_NEWSET, NLM_F_CREATE, fmt::format("add nftables set 'inet {} {}'", table_, set.name));
  const Layout key = layout_of(set.key);
  const Layout data = layout_of(set.data);
  messages_.put_text(NFTA_SET_TABLE, table_);
  messages_.put_text(NFTA_SET_NAME, set.name);
  messages_.put_be32(NFTA_SET_ID, next_set_++);
  messages_.put_be32(NFTA_SET_FLAGS,
                     (set.data.empty() ? 0u : static_cast<std::uint32_t>(NFT_SET_MAP)) |
                         (set.is_interval ? static_cast<std::uint32_t>(NFT_SET_INTERVAL) : 0u));
  messages_.put_be32(NFTA_SET_KEY_TYPE, key.type);
  messages_.put_be32(NFTA_SET_KEY_LEN, key.size);
  if (set.data.empty()) return;
  messages_.put_be32(NFTA_SET_DATA_TYPE, data.type);
  messages_.put_be32(NFTA_SET_DATA_LEN, data.size);
}

void NftBatch::put_elements(std::uint16_t type, std::uint16_t flags, std::string_view set,
                            std::span<const NftElement> elements) {
  for (; !elements.empty(); elements = elements.subspan(std::min(kElementsInMessage, elements.size()))) {
    begin(type, flags,
          fmt::format("{} elements of nftables set 'inet {} {}'",
                      type == NFT_MSG_NEWSETELEM ? "add" : "delete", table_, set));
    messages_.put_text(NFTA_SET_ELEM_LIST_TABLE, table_);
    messages_.put_text(NFTA_SET_ELEM_LIST_SET, set);
    const auto list = messages_.nest(NFTA_SET_ELEM_LIST_ELEMENTS);
    for (const NftElement& element : elements.first(std::min(kElementsInMessage, elements.size()))) {
      const auto item = messages_.nest(NFTA_LIST_ELEM);
      if (element.is_interval_end) messages_.put_be32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
      {
        const auto key = messages_.nest(NFTA_SET_ELEM_KEY);
        messages_.put(NFTA_DATA_VALUE, element.key);
      }
      if (element.data.empty()) continue;
      const auto data = messages_.nest(NFTA_SET_ELEM_DATA);
      messages_.put(NFTA_DATA_VALUE, element.data);
    }
  }
}

void NftBatch::add_elements(std::string_view set, std::span<const NftElement> elements) {
  put_elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, set, elements);
}

void NftBatch::delete_elements(std::string_view set, std::span<const NftElement> elements) {
  put_elements(NFT_MSG_DELSETELEM, 0, set, elements);
}

NftBatch::Rule NftBatch::rule(std::string_view chain) {
  begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
        fmt::format("add rule to nftables chain 'inet {} {}'", table_, chain));
  messages_.put_text(NFTA_RULE_TABLE, table_);
  messages_.put_text(NFTA_RULE_CHAIN, chain);
  return Rule(*this);
}

Result<void> NftBatch::commit(NetlinkSocket& socket) {
  messages_.expect_answer();  // of the last change: newer kernels also answer the end, older do not
  messages_.begin(NFNL_MSG_BATCH_END, 0, nfgenmsg{.res_id = htons(NFNL_SUBSYS_NFTABLES)},
                  fmt::format("commit to nftables table 'inet {}'", table_));
  return socket.run(messages_);
}

}  // namespace gantry::kernel
