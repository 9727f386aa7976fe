// SPDX-License-Identifier: Apache-2.0
#include "network/resolv_conf.h"

#include <fmt/format.h>

#include <algorithm>

#include "network/name_server.h"

namespace gantry::network {
namespace {

using Words = std::vector<std::string>;

const Words& chosen(const Words& wanted, const Words& hosts) { return wanted.empty() ? hosts : wanted; }

Words servers_of(NameSource source, const ResolverConfig& host, const DnsSettings& settings) {
  if (source == NameSource::NameService) return {std::string(kNameServerAddress)};
  Words servers = chosen(settings.servers, host.nameservers);
  if (source == NameSource::Upstream && settings.servers.empty()) std::erase_if(servers, is_loopback_address);
  return servers;
}

Words options_of(NameSource source, const ResolverConfig& host, const DnsSettings& settings) {
  Words options = chosen(settings.options, host.options);
  const auto is_ndots = [](const std::string& option) { return option.starts_with("ndots:"); };
  if (source != NameSource::NameService) return options;
  // Names of containers have no dots and must not be tried with the host's domains first. What the host
  // has for its own names is no wish of the container's.
  if (settings.options.empty()) std::erase_if(options, is_ndots);
  if (std::ranges::none_of(options, is_ndots)) options.emplace_back("ndots:0");
  return options;
}

void append(std::string& text, std::string_view keyword, const Words& words) {
  if (!words.empty()) text += fmt::format("{} {}\n", keyword, fmt::join(words, " "));
}

}  // namespace

std::string resolv_conf_text(NameSource source, const ResolverConfig& host, const DnsSettings& settings) {
  std::string text;
  const Words& search = chosen(settings.search, host.search);
  if (search != Words{"."}) append(text, "search", search);
  for (const std::string& server : servers_of(source, host, settings))
    text += fmt::format("nameserver {}\n", server);
  append(text, "options", options_of(source, host, settings));
  return text;
}

}  // namespace gantry::network
