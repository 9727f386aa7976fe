// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/service_endpoints.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstddef>

#include "base/random.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/tree_lists.h"

namespace gantry::kube {
namespace {

std::uint16_t number_of(const json::Tree& port) {
  const json::Tree* number = port.find("port");
  const std::int64_t value = number == nullptr ? 0 : number->as_int64().value_or(0);
  return static_cast<std::uint16_t>(value > 0 && value <= UINT16_MAX ? value : 0);
}

const json::Tree* named(const json::Tree& of, std::string_view name) {
  for (const json::Tree& port : list_of(of, "ports"))
    if (port.text_at("name") == name) return &port;
  return nullptr;
}

void add_subset(const json::Tree& subset, std::string_view port_name, std::vector<ServiceEndpoint>& found) {
  const json::Tree* port = named(subset, port_name);
  if (port == nullptr || number_of(*port) == 0) return;
  for (const json::Tree& address : list_of(subset, "addresses"))
    found.push_back({std::string(address.text_at("ip")), number_of(*port)});
}

bool is_ready(const json::Tree& endpoint) {
  const json::Tree* ready = endpoint.find("conditions", "ready");
  return ready == nullptr || ready->as_bool();
}

void add_slice(const json::Tree& slice, std::string_view port_name, std::vector<ServiceEndpoint>& found) {
  const json::Tree* port = named(slice, port_name);
  if (port == nullptr || number_of(*port) == 0 || slice.text_at("addressType") == "FQDN") return;
  for (const json::Tree& endpoint : list_of(slice, "endpoints"))
    if (is_ready(endpoint))
      for (const std::string& address : words_of(endpoint, "addresses"))
        found.push_back({address, number_of(*port)});
}

bool is_proxyable_v4(std::uint32_t address) {
  const std::uint32_t first = address >> 24;
  const bool is_link_local = address >> 16 == 0xa9fe;  // 169.254.0.0/16
  return address != 0 && address != INADDR_BROADCAST && first != 127 && !is_link_local && first >> 4 != 14;
}

bool is_proxyable_v6(const in6_addr& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    const std::uint8_t* bytes = address.s6_addr + 12;
    return is_proxyable_v4(std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
                           std::uint32_t{bytes[2]} << 8 | bytes[3]);
  }
  return !IN6_IS_ADDR_UNSPECIFIED(&address) && !IN6_IS_ADDR_LOOPBACK(&address) &&
         !IN6_IS_ADDR_LINKLOCAL(&address) && !IN6_IS_ADDR_MULTICAST(&address);
}

}  // namespace

std::vector<ServiceEndpoint> service_endpoints(const ObjectSource& objects, std::string_view name_space,
                                               std::string_view service, std::string_view port_name) {
  std::vector<ServiceEndpoint> found;
  if (const auto endpoints = objects.get(stored::kEndpoints, name_space, service)) {
    for (const json::Tree& subset : list_of(*endpoints, "subsets")) add_subset(subset, port_name, found);
    return found;
  }
  for (const json::Tree& slice : objects.list(stored::kEndpointSlices, name_space)) {
    const json::Tree* labels = slice.find("metadata", "labels");
    if (labels != nullptr && labels->text_at("kubernetes.io/service-name") == service)
      add_slice(slice, port_name, found);
  }
  return found;
}

const ServiceEndpoint& any_of(const std::vector<ServiceEndpoint>& endpoints) {
  std::array<std::byte, sizeof(std::uint32_t)> bytes;
  fill_random(bytes);
  return endpoints[std::bit_cast<std::uint32_t>(bytes) % endpoints.size()];
}

const json::Tree* find_service_port(const json::Tree& service, std::string_view port) {
  const json::Tree* spec = service.find("spec");
  if (spec == nullptr) return nullptr;
  std::uint16_t number = 0;
  const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool is_number = failed == std::errc{} && end == port.data() + port.size();
  if (is_number)
    for (const json::Tree& one : list_of(*spec, "ports"))
      if (number_of(one) == number) return &one;
  return named(*spec, port);
}

bool is_proxyable(const std::string& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return is_proxyable_v4(ntohl(v4.s_addr));
  in6_addr v6{};
  return ::inet_pton(AF_INET6, address.c_str(), &v6) == 1 && is_proxyable_v6(v6);
}

}  // namespace gantry::kube
