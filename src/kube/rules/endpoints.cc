// SPDX-License-Identifier: Apache-2.0
//
// Endpoints, EndpointSlice.
#include "kube/rules/endpoints.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/split.h"
#include "kube/cel/ip_text.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kProtocols[] = {"SCTP", "TCP", "UDP"};
constexpr std::string_view kAddressTypes[] = {"FQDN", "IPv4", "IPv6"};
constexpr std::size_t kEndpoints = 1000;
constexpr std::size_t kPorts = 20'000;
constexpr std::size_t kAddresses = 100;
constexpr std::size_t kTopologies = 16;
constexpr std::size_t kHints = 8;

// ---- Endpoints

void endpoint_ports(const Spot& ports) {
  ports.each([&](const Spot& port) {
    if (port["name"].text().empty()) {
      if (ports.size() > 1) port["name"].required();
    } else {
      port["name"].invalid_for(dns_label_faults(port["name"].text()));
    }
    port_number(port["port"]);
    one_of(port["protocol"], kProtocols);
    named_if_set(port["appProtocol"], label_key_faults);
  });
}

void check_endpoints(const Spot& object) {
  object["subsets"].each([](const Spot& subset) {
    if (subset["addresses"].size() + subset["notReadyAddresses"].size() == 0)
      subset.required("must specify `addresses` or `notReadyAddresses`");
    for (const char* list : {"addresses", "notReadyAddresses"})
      subset[list].each([](const Spot& address) {
        endpoint_address(address["ip"]);
        named_if_set(address["hostname"], dns_label_faults);
        named_if_set(address["nodeName"], dns_subdomain_faults);
      });
    endpoint_ports(subset["ports"]);
  });
}

// ---- Slices

void whole_domain(const Spot& domain) {
  std::string_view name = domain.text();
  if (name.empty()) return domain.required();
  if (name.ends_with('.')) name.remove_suffix(1);
  if (const Faults faults = dns_subdomain_faults(name); !faults.empty())
    return domain.invalid(Tree(name), fmt::format("{}", fmt::join(faults, ",")));
  const auto labels = split(name, '.');
  if (labels.size() < 2)
    return domain.invalid(Tree(name), "should be a domain with at least two segments separated by dots");
  for (const std::string_view label : labels)
    if (const Faults faults = dns_label_faults(label); !faults.empty())
      domain.invalid(Tree(label), fmt::format("{}", fmt::join(faults, ",")));
}

void slice_address(const Spot& address, std::string_view type) {
  if (type == "FQDN") return whole_domain(address);
  endpoint_address(address);
  if ((address.text().find(':') == std::string_view::npos) != (type == "IPv4"))
    address.invalid(type == "IPv4" ? "must be an IPv4 address" : "must be an IPv6 address");
}

// For whom it is meant.
void hints(const Spot& hints, Faults (*faults_of)(std::string_view)) {
  if (hints.size() > kHints) return hints.too_many(hints.size(), kHints);
  std::set<std::string_view> seen;
  hints.each([&](const Spot& hint) {
    const Spot name = hint["name"];
    if (!seen.insert(name.text()).second)
      name.duplicate();
    else
      name.invalid_for(faults_of(name.text()));
  });
}

void endpoint(const Spot& endpoint, std::string_view type) {
  const Spot addresses = endpoint["addresses"];
  if (addresses.size() == 0) addresses.required("must contain at least 1 address");
  if (addresses.size() > kAddresses) addresses.too_many(addresses.size(), kAddresses);
  addresses.each([&](const Spot& address) { slice_address(address, type); });
  if (const Spot node = endpoint["nodeName"]; node.is_set())
    node.invalid_for(dns_subdomain_faults(node.text()));
  const Spot topology = endpoint["deprecatedTopology"];
  if (topology.size() > kTopologies) topology.too_many(topology.size(), kTopologies);
  labels(topology);
  if (const Spot host = endpoint["hostname"]; host.is_set()) host.invalid_for(dns_label_faults(host.text()));
  hints(endpoint["hints"]["forZones"], label_value_faults);
  hints(endpoint["hints"]["forNodes"], dns_subdomain_faults);
}

void slice_ports(const Spot& ports) {
  if (ports.size() > kPorts) ports.too_many(ports.size(), kPorts);
  std::set<std::string_view> names;
  ports.each([&](const Spot& port) {
    const Spot name = port["name"];
    named_if_set(name, dns_label_faults);
    if (!names.insert(name.text()).second) name.duplicate();
    one_of(port["protocol"], kProtocols);
    if (const Spot protocol = port["appProtocol"]; protocol.is_set())
      protocol.invalid_for(label_key_faults(protocol.text()));
  });
}

void check_endpoint_slice(const Spot& object) {
  const std::string_view type = object["addressType"].text();
  one_of(object["addressType"], kAddressTypes);
  const Spot endpoints = object["endpoints"];
  if (endpoints.size() > kEndpoints)
    endpoints.too_many(endpoints.size(), kEndpoints);
  else
    endpoints.each([&](const Spot& one) { endpoint(one, type); });
  slice_ports(object["ports"]);
}

void update_endpoint_slice(const Spot& object, const Tree& before) {
  immutable(object["addressType"], before.find("addressType"));
}

constexpr KindRules kRules[] = {
    {.group = "", .kind = "Endpoints", .check = check_endpoints},
    {.group = "discovery.k8s.io",
     .kind = "EndpointSlice",
     .counts_generations = true,
     .check = check_endpoint_slice,
     .check_update = update_endpoint_slice},
};

}  // namespace

void endpoint_address(const Spot& address) {
  const std::string_view text = address.text();
  const auto parsed = cel::parse_ip(text);
  if (!parsed) return ip_address(address);
  if (text == "0.0.0.0" || text == "::") address.invalid(fmt::format("may not be unspecified ({})", text));
  const auto& bytes = parsed->bytes;
  const bool is_four = parsed->is_v4;
  const auto is = [&](int first, int mask, int second) {
    return bytes[0] == first && (bytes[1] & mask) == second;
  };
  if (is_four ? bytes[0] == 127 : text == "::1")
    address.invalid("may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (is_four ? is(169, 0xff, 254) : is(0xfe, 0xc0, 0x80))
    address.invalid("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  if (is_four ? is(224, 0xff, 0) && bytes[2] == 0 : is(0xff, 0x0f, 0x02))
    address.invalid("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
}

std::span<const KindRules> endpoint_rules() { return kRules; }

}  // namespace gantry::kube::rules
