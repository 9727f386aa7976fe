// SPDX-License-Identifier: Apache-2.0
//
// Addresses of IPv4 and IPv6 and blocks of them (RFC 4291, RFC 5952). IPv4 inside of IPv6 and zones are not
// taken.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "kube/cel/value.h"

namespace gantry::kube::cel {

// The error says what is wrong.
std::expected<IpAddress, std::string> parse_ip(std::string_view text);
std::expected<CidrBlock, std::string> parse_cidr(std::string_view text);
std::string text_of(const IpAddress& address);  // the canonical form
std::string text_of(const CidrBlock& block);
IpAddress masked(const IpAddress& address, int prefix);
bool contains(const CidrBlock& block, const IpAddress& address);

}  // namespace gantry::kube::cel
