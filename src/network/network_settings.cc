// SPDX-License-Identifier: Apache-2.0
#include "network/network_settings.h"

#include <linux/if.h>

#include <array>
#include <charconv>
#include <utility>

#include "base/split.h"

namespace gantry::network {
namespace {

Error bad_value(std::string_view option, std::string_view value) {
  return error(Code::InvalidArgument, "invalid value '{}' for network option '{}'", value, option);
}

Result<bool> parse_bool(std::string_view option, const std::string& value) {
  for (const std::string_view yes : {"true", "1", "t", "T", "TRUE", "True"})
    if (value == yes) return true;
  for (const std::string_view no : {"false", "0", "f", "F", "FALSE", "False"})
    if (value == no) return false;
  return bad_value(option, value);
}

// 68 is the least that RFC 791 allows; 65535 the most an IPv4 packet can have.
Result<std::uint32_t> parse_mtu(std::string_view option, const std::string& value) {
  std::uint32_t mtu = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), mtu);
  if (failure != std::errc() || end != value.data() + value.size()) return bad_value(option, value);
  if (mtu != 0 && (mtu < 68 || mtu > 65535)) return bad_value(option, value);
  return mtu;
}

template <class E, std::size_t N>
Result<E> parse_word(std::string_view option, const std::string& value,
                     const std::array<std::pair<std::string_view, E>, N>& words) {
  for (const auto& [word, meaning] : words)
    if (value == word) return meaning;
  return bad_value(option, value);
}

Result<GatewayMode> parse_gateway_mode(std::string_view option, const std::string& value, bool is_internal) {
  constexpr std::array kWords{std::pair{std::string_view("nat"), GatewayMode::Nat},
                              std::pair{std::string_view("nat-unprotected"), GatewayMode::NatUnprotected},
                              std::pair{std::string_view("routed"), GatewayMode::Routed},
                              std::pair{std::string_view("isolated"), GatewayMode::Isolated}};
  const GatewayMode mode = TRY(parse_word(option, value, kWords));
  if (mode == GatewayMode::Isolated && !is_internal)
    return error(Code::InvalidArgument, "gateway mode 'isolated' can only be used for an internal network");
  return mode;
}

Result<MacvlanMode> parse_macvlan_mode(std::string_view option, const std::string& value) {
  constexpr std::array kWords{std::pair{std::string_view("bridge"), MacvlanMode::Bridge},
                              std::pair{std::string_view("private"), MacvlanMode::Private},
                              std::pair{std::string_view("vepa"), MacvlanMode::Vepa},
                              std::pair{std::string_view("passthru"), MacvlanMode::Passthru}};
  return parse_word(option, value, kWords);
}

Result<kernel::IpAddress> parse_binding(std::string_view option, const std::string& value) {
  const auto address = kernel::IpAddress::parse(value);
  if (!address || !address->is_v4()) return bad_value(option, value);
  return *address;
}

Result<std::vector<std::string>> parse_interfaces(const std::string& value) {
  std::vector<std::string> names;
  for (const std::string_view name : split(value, ':')) {
    names.emplace_back(name);
    TRY(check_interface_name(names.back()));
  }
  return names;
}

Result<void> apply_bridge_option(NetworkSettings& settings, const NetworkConfig& config,
                                 const std::string& option, const std::string& value) {
  if (option == kOptionBridgeName) {
    TRY(check_interface_name(value));
    settings.bridge = value;
  } else if (option == kOptionDefaultBridge) {
    settings.is_default = TRY(parse_bool(option, value));
  } else if (option == kOptionIcc) {
    settings.has_icc = TRY(parse_bool(option, value));
  } else if (option == kOptionMasquerade) {
    settings.masquerades = TRY(parse_bool(option, value));
  } else if (option == kOptionInhibitIpv4) {
    settings.inhibits_ipv4 = TRY(parse_bool(option, value));
  } else if (option == kOptionHostBinding) {
    settings.host_binding = TRY(parse_binding(option, value));
  } else if (option == kOptionTrusted) {
    settings.trusted_interfaces = TRY(parse_interfaces(value));
  } else if (option == kOptionGatewayMode4) {
    settings.mode4 = TRY(parse_gateway_mode(option, value, config.internal));
  } else if (option == kOptionGatewayMode6) {
    settings.mode6 = TRY(parse_gateway_mode(option, value, config.internal));
  } else if (option.starts_with("com.docker.network.")) {
    return error(Code::Unsupported, "network option '{}' is not supported", option);
  }
  return {};  // what others have a use for, Docker ignores
}

Result<void> apply(NetworkSettings& settings, const NetworkConfig& config, const std::string& option,
                   const std::string& value) {
  if (option == kOptionMtu) {
    settings.mtu = TRY(parse_mtu(option, value));
  } else if (option == kOptionInterfacePrefix) {
    TRY(check_interface_name(value + "0"));
    settings.interface_prefix = value;
  } else if (config.driver == "macvlan") {
    if (option == kOptionParent) {
      TRY(check_interface_name(value));
      settings.parent = value;
    }
    if (option == kOptionMacvlanMode) settings.macvlan_mode = TRY(parse_macvlan_mode(option, value));
  } else {
    TRY(apply_bridge_option(settings, config, option, value));
  }
  return {};
}

}  // namespace

Result<NetworkSettings> parse_settings(const NetworkConfig& config) {
  NetworkSettings settings;
  for (const auto& [option, value] : config.options) TRY(apply(settings, config, option, value));
  return settings;
}

Result<void> check_interface_name(const std::string& name) {
  const bool is_good = !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
                       name.find_first_of("/: \t\n\v\f\r%") == std::string::npos;
  if (is_good) return {};
  return error(Code::InvalidArgument, "invalid interface name '{}': it has 1 to 15 characters without spaces",
               name);
}

}  // namespace gantry::network
