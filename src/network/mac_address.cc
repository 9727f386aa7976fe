// SPDX-License-Identifier: Apache-2.0
#include "network/mac_address.h"

#include <fmt/format.h>

#include <charconv>

#include "base/random.h"

namespace gantry::network {

std::optional<kernel::MacAddress> parse_mac(std::string_view text) {
  kernel::MacAddress mac;
  if (text.size() != mac.size() * 3 - 1) return std::nullopt;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* const digits = text.data() + 3 * i;
    const auto [end, failure] = std::from_chars(digits, digits + 2, mac[i], 16);
    if (failure != std::errc() || end != digits + 2) return std::nullopt;
    if (i + 1 < mac.size() && digits[2] != ':' && digits[2] != '-') return std::nullopt;
  }
  return mac;
}

std::string spell_mac(const kernel::MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4],
                     mac[5]);
}

kernel::MacAddress random_mac() {
  kernel::MacAddress mac;
  const std::string digits = random_hex(mac.size());
  for (std::size_t i = 0; i < mac.size(); ++i)
    (void)std::from_chars(digits.data() + 2 * i, digits.data() + 2 * i + 2, mac[i], 16);
  mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfc) | 0x02);
  return mac;
}

}  // namespace gantry::network
