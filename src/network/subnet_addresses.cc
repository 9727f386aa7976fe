// SPDX-License-Identifier: Apache-2.0
#include "network/subnet_addresses.h"

#include <algorithm>
#include <array>

#include "base/random.h"

namespace gantry::network {
namespace {

Result<IpPrefix> parse_subnet(const std::string& text) {
  const auto prefix = IpPrefix::parse(text);
  if (!prefix) return error(Code::InvalidArgument, "invalid subnet '{}': it must be like 10.1.0.0/16", text);
  if (prefix->address != prefix->first())
    return error(Code::InvalidArgument, "invalid subnet '{}': it must be '{}'", text,
                 prefix->network().str());
  if (prefix->length == prefix->address.bits() || prefix->length == 0)
    return error(Code::InvalidArgument, "invalid subnet '{}': it has no addresses for a network", text);
  return *prefix;
}

Result<IpPrefix> parse_range(const std::string& text, const IpPrefix& subnet) {
  const auto range = IpPrefix::parse(text);
  if (!range) return error(Code::InvalidArgument, "invalid ip-range '{}': it must be like 10.1.5.0/24", text);
  if (!subnet.contains(*range)) return error(Code::InvalidArgument, "no matching subnet for range {}", text);
  return range->network();
}

Result<IpAddress> parse_inside(const std::string& text, const IpPrefix& subnet, std::string_view what) {
  const auto address = IpAddress::parse(text);
  if (!address) return error(Code::InvalidArgument, "invalid {} '{}'", what, text);
  if (!subnet.contains(*address))
    return error(Code::InvalidArgument, "no matching subnet for {} {}", what, text);
  return *address;
}

}  // namespace

SubnetAddresses::SubnetAddresses(IpPrefix subnet, IpPrefix range)
    : subnet_(subnet), range_(range), lowest_(range.first()) {}

Result<SubnetAddresses> SubnetAddresses::make(const IpamPool& pool) {
  const IpPrefix subnet = TRY(parse_subnet(pool.subnet));
  SubnetAddresses made(subnet, pool.ip_range.empty() ? subnet : TRY(parse_range(pool.ip_range, subnet)));
  for (const auto& [name, text] : pool.auxiliary_addresses)
    TRY(made.take(TRY(parse_inside(text, subnet, "aux-address"))));
  if (pool.gateway.empty()) {
    made.gateway_ = TRY(made.take_any());
  } else {
    // Docker writes it with or without the length of the subnet.
    made.gateway_ = TRY(parse_inside(pool.gateway.substr(0, pool.gateway.find('/')), subnet, "gateway"));
    TRY(made.take(made.gateway_));
  }
  return made;
}

// The first address names the network (or any router, in IPv6), the last one is IPv4's broadcast; where
// there are only two, both are good (RFC 3021, RFC 6164).
bool SubnetAddresses::is_assignable(const IpAddress& address) const {
  if (subnet_.length == subnet_.address.bits() - 1) return true;
  return address != subnet_.first() && (!address.is_v4() || address != subnet_.last());
}

Result<IpAddress> SubnetAddresses::take_any() {
  for (IpAddress address = lowest_; range_.contains(address); address = address.plus(1)) {
    const bool is_free = is_assignable(address) && taken_.insert(address).second;
    lowest_ = address.plus(1);
    if (is_free) return address;
    if (address == range_.last()) break;  // behind the very last address comes the very first
  }
  return error(Code::ResourceExhausted, "no available {} addresses on this network's address pools: {}",
               subnet_.address.is_v4() ? "IPv4" : "IPv6", range_.str());
}

Result<void> SubnetAddresses::take(const IpAddress& address) {
  if (!subnet_.contains(address))
    return error(Code::InvalidArgument,
                 "Invalid address {}: It does not belong to any of this network's subnets", address.str());
  if (!taken_.insert(address).second)
    return error(Code::AlreadyExists, "Address already in use: {}", address.str());
  return {};
}

void SubnetAddresses::give_back(const IpAddress& address) {
  taken_.erase(address);
  if (!range_.contains(address)) return;
  if (address < lowest_ || !range_.contains(lowest_)) lowest_ = address;
}

std::optional<IpPrefix> choose_subnet(std::span<const SubnetSource> sources,
                                      std::span<const IpPrefix> taken) {
  for (const auto& [base, size] : sources) {
    IpPrefix candidate{base.first(), size};
    while (base.contains(candidate)) {
      const auto in_the_way =
          std::ranges::find_if(taken, [&](const IpPrefix& other) { return other.overlaps(candidate); });
      if (in_the_way == taken.end()) return candidate;
      // Behind whichever of the two is larger.
      const IpAddress last = std::max(candidate.last(), in_the_way->last());
      if (last >= base.last()) break;
      candidate.address = IpPrefix{last.plus(1), size}.first();
    }
  }
  return std::nullopt;
}

std::span<const SubnetSource> default_subnet_sources() {
  static const std::array kSources = [] {
    constexpr auto v4 = [](unsigned a, unsigned b) { return IpAddress::v4(a << 24 | b << 16); };
    return std::array{SubnetSource{{v4(172, 17), 16}, 16}, SubnetSource{{v4(172, 18), 16}, 16},
                      SubnetSource{{v4(172, 19), 16}, 16}, SubnetSource{{v4(172, 20), 14}, 16},
                      SubnetSource{{v4(172, 24), 14}, 16}, SubnetSource{{v4(172, 28), 14}, 16},
                      SubnetSource{{v4(192, 168), 16}, 20}};
  }();
  return kSources;
}

IpPrefix random_local_subnet() {
  const std::string digits = random_hex(7);  // 40 bits for the site, 16 for the subnet
  const std::string text = "fd" + digits.substr(0, 2) + ":" + digits.substr(2, 4) + ":" +
                           digits.substr(6, 4) + ":" + digits.substr(10, 4) + "::/64";
  return *IpPrefix::parse(text);
}

}  // namespace gantry::network
