// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/ip_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace gantry::kube::cel {
namespace {

bool is_v4_in_v6(const IpAddress& address) {
  constexpr std::uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return !address.is_v4 && std::equal(std::begin(kPrefix), std::end(kPrefix), address.bytes);
}

unsigned group_of(const IpAddress& address, std::size_t index) {
  return (address.bytes[2 * index] << 8U) | address.bytes[2 * index + 1];
}

struct Zeros {
  std::size_t first = 8;
  std::size_t count = 1;  // a single group of zeros is written
};

// The first of the longest rows of zeros.
Zeros longest_zeros(const IpAddress& address) {
  Zeros longest;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t count = 0;
    while (i + count < 8 && group_of(address, i + count) == 0) ++count;
    if (count > longest.count) longest = {i, count};
  }
  return longest;
}

std::string text_of_v6(const IpAddress& address) {
  const Zeros zeros = longest_zeros(address);
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == zeros.first) {
      text += "::";
      i += zeros.count - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    fmt::format_to(std::back_inserter(text), "{:x}", group_of(address, i));
  }
  return text;
}

}  // namespace

std::expected<IpAddress, std::string> parse_ip(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return std::unexpected(
        fmt::format("IP Address \"{}\" parse error during conversion from string: ParseAddr(\"{}\"): {}",
                    text, text, why));
  };
  if (text.size() > 64) return wrong("unable to parse IP");
  if (text.find('%') != std::string_view::npos)
    return std::unexpected(fmt::format("IP address \"{}\" with zone value is not allowed", text));
  const std::string copy(text);
  IpAddress address;
  address.is_v4 = text.find(':') == std::string_view::npos;
  if (copy.size() != std::char_traits<char>::length(copy.c_str()) ||
      ::inet_pton(address.is_v4 ? AF_INET : AF_INET6, copy.c_str(), address.bytes) != 1)
    return wrong("unable to parse IP");
  if (is_v4_in_v6(address))
    return std::unexpected(fmt::format("IPv4-mapped IPv6 address \"{}\" is not allowed", text));
  return address;
}

std::expected<CidrBlock, std::string> parse_cidr(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return std::unexpected(fmt::format(
        "network address parse error during conversion from string: netip.ParsePrefix(\"{}\"): {}", text,
        why));
  };
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return wrong("no '/'");
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return wrong(address.error());
  const std::string_view digits = text.substr(slash + 1);
  int prefix = -1;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  const bool is_number = read.ec == std::errc() && read.ptr == digits.data() + digits.size() &&
                         digits[0] != '-' && (digits.size() == 1 || digits[0] != '0');
  if (!is_number) return wrong(fmt::format("bad bits after slash: \"{}\"", digits));
  if (prefix > (address->is_v4 ? 32 : 128)) return wrong("prefix length out of range");
  return CidrBlock{*address, prefix};
}

std::string text_of(const IpAddress& address) {
  if (!address.is_v4) return text_of_v6(address);
  return fmt::format("{}.{}.{}.{}", address.bytes[0], address.bytes[1], address.bytes[2], address.bytes[3]);
}

std::string text_of(const CidrBlock& block) {
  return fmt::format("{}/{}", text_of(block.address), block.prefix);
}

IpAddress masked(const IpAddress& address, int prefix) {
  IpAddress result = address;
  for (int bit = prefix; bit < (address.is_v4 ? 32 : 128); ++bit)
    result.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  return result;
}

bool contains(const CidrBlock& block, const IpAddress& address) {
  return block.address.is_v4 == address.is_v4 &&
         masked(block.address, block.prefix) == masked(address, block.prefix);
}

}  // namespace gantry::kube::cel
