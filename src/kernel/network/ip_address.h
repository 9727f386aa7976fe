// SPDX-License-Identifier: Apache-2.0
//
// IP addresses and prefixes, version 4 or 6: values that can be compared, counted and printed.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gantry::kernel {

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  static IpAddress v4(std::uint32_t number);
  static IpAddress v6(unsigned __int128 number);
  // Dotted decimal with four numbers, or RFC 4291; no zone.
  static std::optional<IpAddress> parse(std::string_view text);
  // 4 or 16 bytes in network order; of another length, none.
  static std::optional<IpAddress> from(std::span<const std::uint8_t> bytes);

  bool is_v4() const { return is_v4_; }
  int family() const;                                   // AF_INET, AF_INET6
  int bits() const { return is_v4_ ? 32 : 128; }        // of an address
  unsigned __int128 number() const { return number_; }  // as an integer
  std::span<const std::uint8_t> bytes() const;          // in network order
  std::string str() const;
  bool is_unspecified() const { return number_ == 0; }
  bool is_loopback() const;
  IpAddress plus(unsigned __int128 offset) const;  // wraps around

  auto operator<=>(const IpAddress& other) const;
  bool operator==(const IpAddress& other) const { return is_v4_ == other.is_v4_ && number_ == other.number_; }

 private:
  IpAddress(bool is_v4, unsigned __int128 number);

  bool is_v4_ = true;
  unsigned __int128 number_ = 0;
  std::array<std::uint8_t, 16> bytes_ = {};  // the first 4 or all
};

inline auto IpAddress::operator<=>(const IpAddress& other) const {
  if (is_v4_ != other.is_v4_) return is_v4_ ? std::strong_ordering::less : std::strong_ordering::greater;
  return number_ < other.number_   ? std::strong_ordering::less
         : number_ > other.number_ ? std::strong_ordering::greater
                                   : std::strong_ordering::equal;
}

// "10.1.2.3/16": an address and how many of its bits name the network. Keeps its host part.
struct IpPrefix {
  IpAddress address;
  int length = 0;

  static std::optional<IpPrefix> parse(std::string_view text);
  std::string str() const;
  IpAddress first() const;  // all host bits 0
  IpAddress last() const;   // all host bits 1
  IpPrefix network() const { return {first(), length}; }
  bool contains(const IpAddress& other) const;
  bool contains(const IpPrefix& other) const { return other.length >= length && contains(other.address); }
  bool overlaps(const IpPrefix& other) const { return contains(other.first()) || other.contains(first()); }
  bool operator==(const IpPrefix&) const = default;
};

}  // namespace gantry::kernel
