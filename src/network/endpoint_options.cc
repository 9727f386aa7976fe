// SPDX-License-Identifier: Apache-2.0
#include "network/endpoint_options.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/printable.h"
#include "base/split.h"
#include "kernel/network/ip_address.h"
#include "network/mac_address.h"
#include "network/network_settings.h"

namespace gantry::network {
namespace {

// "net.ipv4.conf.IFNAME.forwarding" is "ipv4/conf/IFNAME/forwarding". Only settings of the interface itself:
// those of the whole namespace are the container's own options (--sysctl).
Result<std::string> path_of(std::string_view name) {
  const std::vector<std::string_view> parts = split(name, '.');
  const bool is_good = parts.size() == 5 && parts[0] == "net" &&
                       (parts[1] == "ipv4" || parts[1] == "ipv6" || parts[1] == "mpls") &&
                       (parts[2] == "conf" || parts[2] == "neigh") && parts[3] == "IFNAME" &&
                       !parts[4].empty() && parts[4].find('/') == std::string_view::npos;
  if (is_good) return fmt::format("{}", fmt::join(parts.begin() + 1, parts.end(), "/"));
  return error(Code::InvalidArgument,
               "invalid sysctl '{}' of an endpoint: it is like net.ipv4.conf.IFNAME.forwarding", name);
}

Result<std::vector<std::pair<std::string, std::string>>> parse_sysctls(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> sysctls;
  for (const std::string_view setting : split(text, ',')) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string_view::npos)
      return error(Code::InvalidArgument, "invalid value '{}' for endpoint option '{}': it is NAME=VALUE,...",
                   text, kOptionEndpointSysctls);
    sysctls.emplace_back(TRY(path_of(setting.substr(0, equals))), setting.substr(equals + 1));
  }
  return sysctls;
}

}  // namespace

Result<EndpointOptions> parse_endpoint_options(const std::map<std::string, std::string>& options) {
  EndpointOptions parsed;
  for (const auto& [option, value] : options) {
    if (option == kOptionInterfaceName) {
      TRY(check_interface_name(value));
      parsed.interface = value;
    } else if (option == kOptionEndpointSysctls) {
      parsed.sysctls = TRY(parse_sysctls(value));
    } else if (option.starts_with("com.docker.network.")) {
      return error(Code::Unsupported, "endpoint option '{}' is not supported", option);
    }
  }
  return parsed;
}

Result<void> check_addresses(const EndpointSettings& wanted) {
  if (!wanted.mac_address.empty() && !parse_mac(wanted.mac_address))
    return error(Code::InvalidArgument, "invalid MAC address: {}", printable(wanted.mac_address));
  const EndpointIpam ipam = wanted.ipam_config.value_or(EndpointIpam{});
  const auto v4 = kernel::IpAddress::parse(ipam.ipv4_address),
             v6 = kernel::IpAddress::parse(ipam.ipv6_address);
  if (!ipam.ipv4_address.empty() && !(v4 && v4->is_v4()))
    return error(Code::InvalidArgument, "invalid IPv4 address: {}", printable(ipam.ipv4_address));
  if (!ipam.ipv6_address.empty() && !(v6 && !v6->is_v4()))
    return error(Code::InvalidArgument, "invalid IPv6 address: {}", printable(ipam.ipv6_address));
  for (const std::string& text : ipam.link_local_ips)
    if (!kernel::IpAddress::parse(text))
      return error(Code::InvalidArgument, "invalid link-local IP address: {}", printable(text));
  return {};
}

}  // namespace gantry::network
