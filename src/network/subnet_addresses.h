// SPDX-License-Identifier: Apache-2.0
//
// Addresses of one subnet: who may have which. In memory; what is taken is known from the records.
//
//   SubnetAddresses pool = TRY(SubnetAddresses::make({.subnet = "10.1.0.0/16", .ip_range = "10.1.5.0/24"}));
//   IpAddress any = TRY(pool.take_any());
//   TRY(pool.take(*IpAddress::parse("10.1.9.9")));
//   pool.give_back(any);
#pragma once

#include <optional>
#include <set>
#include <span>

#include "base/error.h"
#include "kernel/network/ip_address.h"
#include "network/config.h"

namespace gantry::network {

using kernel::IpAddress;
using kernel::IpPrefix;

class SubnetAddresses {
 public:
  // Checks what a user wrote. Auxiliary addresses and the gateway are taken; a gateway that is not named is
  // the first free address of the range.
  static Result<SubnetAddresses> make(const IpamPool& pool);

  const IpPrefix& subnet() const { return subnet_; }
  const IpAddress& gateway() const { return gateway_; }
  IpPrefix on_link(const IpAddress& address) const { return {address, subnet_.length}; }

  // The lowest free address of the range. ResourceExhausted: none.
  Result<IpAddress> take_any();
  // Any of the subnet, also outside of the range. AlreadyExists: somebody has it.
  Result<void> take(const IpAddress& address);
  void give_back(const IpAddress& address);

 private:
  SubnetAddresses(IpPrefix subnet, IpPrefix range);
  bool is_assignable(const IpAddress& address) const;

  IpPrefix subnet_;
  IpPrefix range_;
  IpAddress gateway_;
  std::set<IpAddress> taken_;
  IpAddress lowest_;  // no address of the range below it is free; outside of the range: none is
};

// A subnet of `size` bits out of a base that overlaps none of `taken`; from the first base that has one.
struct SubnetSource {
  IpPrefix base;
  int size = 0;
};
std::optional<IpPrefix> choose_subnet(std::span<const SubnetSource> sources, std::span<const IpPrefix> taken);
// dockerd's own: sixteen of private class B, and 192.168.0.0/16 in twenties.
std::span<const SubnetSource> default_subnet_sources();
// A /64 with a random prefix of RFC 4193.
IpPrefix random_local_subnet();

}  // namespace gantry::network
