// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/ip_address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>

namespace gantry::kernel {
namespace {

unsigned __int128 host_mask(const IpAddress& address, int length) {
  const int host_bits = address.bits() - length;
  return host_bits == 128 ? ~static_cast<unsigned __int128>(0)
                          : (static_cast<unsigned __int128>(1) << host_bits) - 1;
}

IpAddress with_number(const IpAddress& like, unsigned __int128 number) {
  return like.is_v4() ? IpAddress::v4(static_cast<std::uint32_t>(number)) : IpAddress::v6(number);
}

}  // namespace

IpAddress::IpAddress(bool is_v4, unsigned __int128 number) : is_v4_(is_v4), number_(number) {
  const int size = bits() / 8;
  for (int i = 0; i < size; ++i) bytes_[i] = static_cast<std::uint8_t>(number >> (8 * (size - 1 - i)));
}

IpAddress IpAddress::v4(std::uint32_t number) { return IpAddress(true, number); }
IpAddress IpAddress::v6(unsigned __int128 number) { return IpAddress(false, number); }

std::optional<IpAddress> IpAddress::from(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  unsigned __int128 number = 0;
  for (const std::uint8_t byte : bytes) number = number << 8 | byte;
  return IpAddress(bytes.size() == 4, number);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<std::uint8_t, 16> bytes;
  const std::string terminated(text);
  if (terminated.size() != std::strlen(terminated.c_str())) return std::nullopt;
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) return from(std::span(bytes).first(4));
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return from(bytes);
  return std::nullopt;
}

int IpAddress::family() const { return is_v4_ ? AF_INET : AF_INET6; }

std::span<const std::uint8_t> IpAddress::bytes() const {
  return std::span(bytes_).first(static_cast<std::size_t>(bits() / 8));
}

std::string IpAddress::str() const {
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(family(), bytes_.data(), text, sizeof text);
}

bool IpAddress::is_loopback() const { return is_v4_ ? number_ >> 24 == 127 : number_ == 1; }

IpAddress IpAddress::plus(unsigned __int128 offset) const { return with_number(*this, number_ + offset); }

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  int length = -1;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (!address || failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (length < 0 || length > address->bits()) return std::nullopt;
  return IpPrefix{*address, length};
}

std::string IpPrefix::str() const { return address.str() + "/" + std::to_string(length); }

IpAddress IpPrefix::first() const {
  return with_number(address, address.number() & ~host_mask(address, length));
}

IpAddress IpPrefix::last() const {
  return with_number(address, address.number() | host_mask(address, length));
}

bool IpPrefix::contains(const IpAddress& other) const {
  return other.is_v4() == address.is_v4() && first() <= other && other <= last();
}

}  // namespace gantry::kernel
