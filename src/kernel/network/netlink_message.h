// SPDX-License-Identifier: Apache-2.0
//
// Netlink messages (netlink(7)) to send, many in one buffer, and the attributes of those that arrive.
//
//   NetlinkMessages messages;
//   messages.begin(RTM_NEWLINK, NLM_F_CREATE, ifinfomsg{}, "make bridge 'br0'");
//   messages.put_text(IFLA_IFNAME, "br0");
//   {
//     auto info = messages.nest(IFLA_LINKINFO);
//     messages.put_text(IFLA_INFO_KIND, "bridge");
//   }
//   TRY(socket.run(messages));
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::kernel {

using Bytes = std::span<const std::uint8_t>;

template <class T>
Bytes bytes_of(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}
inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class NetlinkMessages {
 public:
  // An open nested attribute; it ends where this does.
  class [[nodiscard]] Nest {
   public:
    Nest(NetlinkMessages& messages, std::size_t start) : messages_(messages), start_(start) {}
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    ~Nest() { messages_.end_attribute(start_); }

   private:
    NetlinkMessages& messages_;
    const std::size_t start_;
  };

  // Starts a message with its fixed part. `wish` is what an error says was wanted.
  template <class Body>
  void begin(std::uint16_t type, std::uint16_t flags, const Body& body, std::string wish) {
    begin_message(type, flags, bytes_of(body), std::move(wish));
  }

  // Attributes of the message begun last. Numbers are in the byte order of the host but for put_be.
  void put(std::uint16_t type, Bytes value);
  void put_text(std::uint16_t type, std::string_view text);  // with a NUL at its end
  template <class T>
  void put_number(std::uint16_t type, T value) {
    static_assert(std::is_integral_v<T>);
    put(type, bytes_of(value));
  }
  void put_be32(std::uint16_t type, std::uint32_t value) { put_number(type, __builtin_bswap32(value)); }
  void put_be64(std::uint16_t type, std::uint64_t value) { put_number(type, __builtin_bswap64(value)); }
  Nest nest(std::uint16_t type);  // marked as nested: nf_tables wants that, rtnetlink does not mind
  // A fixed struct at the start of a nest that is not an attribute (the ifinfomsg of a veth's peer).
  void put_raw(Bytes value);
  // The message begun last is the one whose success ends the exchange (otherwise it is the very last).
  void expect_answer();
  std::size_t size() const { return buffer_.size(); }  // bytes
  bool is_empty() const { return wishes_.empty(); }

 private:
  friend class NetlinkSocket;
  void begin_message(std::uint16_t type, std::uint16_t flags, Bytes body, std::string wish);
  void append(Bytes value);
  void end_attribute(std::size_t start);
  nlmsghdr* current();

  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  std::vector<std::uint8_t> buffer_;
  std::size_t start_ = 0;                // of the message begun last
  std::optional<std::size_t> answered_;  // index of the message that was told to answer
  std::vector<std::string> wishes_;      // one a message
};

// What a message that arrived says; views into it.
struct NetlinkAttribute {
  std::uint16_t type = 0;  // without the nested flag
  Bytes value;

  template <class T>
  T number() const {
    T number{};
    std::memcpy(&number, value.data(), std::min(sizeof number, value.size()));
    return number;
  }
  std::string_view text() const;  // up to its NUL
};

// The attributes in `bytes`; what is malformed ends the list.
std::vector<NetlinkAttribute> attributes_in(Bytes bytes);
// The last of a type, as the kernel takes it.
std::optional<NetlinkAttribute> find_attribute(Bytes bytes, std::uint16_t type);

}  // namespace gantry::kernel
