// SPDX-License-Identifier: Apache-2.0
#include "engine/port_requests.h"

#include <charconv>
#include <optional>
#include <utility>

namespace gantry::engine {

using network::PortRequest;
using network::Protocol;

namespace {

std::optional<std::uint16_t> parse_number(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Protocol> parse_protocol(std::string_view text) {
  for (const Protocol protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp})
    if (name_of(protocol) == text) return protocol;
  return std::nullopt;
}

// "8080", "8000-8010", "": any.
Result<std::pair<std::uint16_t, std::uint16_t>> parse_host_ports(const std::string& text) {
  if (text.empty()) return std::pair<std::uint16_t, std::uint16_t>();
  const std::size_t dash = text.find('-');
  const auto first = parse_number(std::string_view(text).substr(0, dash));
  const auto last = dash == text.npos ? first : parse_number(std::string_view(text).substr(dash + 1));
  if (!first || !last || *first > *last)
    return error(Code::InvalidArgument, "invalid port specification: \"{}\"", text);
  return std::pair(*first, *last);
}

}  // namespace

Result<ContainerPort> parse_container_port(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto number = parse_number(text.substr(0, slash));
  const auto protocol = parse_protocol(slash == text.npos ? "tcp" : text.substr(slash + 1));
  if (!number || *number == 0 || !protocol)
    return error(Code::InvalidArgument, "invalid containerPort: {}", text);
  return ContainerPort{*protocol, *number};
}

std::string str(const ContainerPort& port) {
  return fmt::format("{}/{}", port.number, name_of(port.protocol));
}

Result<std::vector<PortRequest>> port_requests(const container::PortMap& bindings,
                                               const container::StringSet& exposed, bool publish_all_ports) {
  std::vector<PortRequest> requests;
  for (const auto& [text, places] : bindings) {
    const ContainerPort port = TRY(parse_container_port(text));
    for (const container::PortBinding& place : places) {
      const auto [first, last] = TRY(parse_host_ports(place.host_port));
      requests.push_back({.protocol = port.protocol,
                          .container_port = port.number,
                          .host_ip = place.host_ip,
                          .first_host_port = first,
                          .last_host_port = last});
    }
  }
  if (!publish_all_ports) return requests;
  for (const auto& [text, nothing] : exposed) {
    if (const auto bound = bindings.find(text); bound != bindings.end() && !bound->second.empty()) continue;
    const ContainerPort port = TRY(parse_container_port(text));
    requests.push_back({.protocol = port.protocol, .container_port = port.number});
  }
  return requests;
}

container::PortMap port_map(std::span<const network::PublishedPort> published,
                            const container::StringSet& exposed) {
  container::PortMap map;
  for (const auto& [text, nothing] : exposed) map[text];
  for (const network::PublishedPort& port : published)
    map[str({port.protocol, port.container_port})].push_back(
        {.host_ip = port.host_ip, .host_port = std::to_string(port.host_port)});
  return map;
}

}  // namespace gantry::engine
