// SPDX-License-Identifier: Apache-2.0
//
// Services, endpoints, ingresses, addresses.
#include <algorithm>

#include <fmt/format.h>

#include "kube/views/cell.h"
#include "kube/views/value_access.h"

namespace gantry::kube::views {
namespace {

using json::Value;

constexpr std::size_t kShown = 3;  // of lists that may be long

// An address with its port; IPv6 in brackets.
std::string endpoint(std::string_view address, std::int64_t port) {
  return address.find(':') == std::string_view::npos ? fmt::format("{}:{}", address, port)
                                                     : fmt::format("[{}]:{}", address, port);
}

// Where a load balancer can be reached: addresses or names.
std::vector<std::string> load_balancer_addresses(const Value& object) {
  std::vector<std::string> found;
  for_each(at(object, "status", "loadBalancer", "ingress"), [&](const Value& ingress) {
    const std::string_view ip = text_at(ingress, "ip");
    const std::string_view name = ip.empty() ? text_at(ingress, "hostname") : ip;
    if (!name.empty()) found.emplace_back(name);
  });
  return found;
}

void service_external_ip(const Cell& cell) {
  const std::string_view type = text_at(cell.object, "spec", "type");
  if (type == "ExternalName") return cell.write(text_at(cell.object, "spec", "externalName"));
  const bool is_balanced = type == "LoadBalancer";
  std::vector<std::string> addresses;
  if (is_balanced) addresses = load_balancer_addresses(cell.object);
  for_each(at(cell.object, "spec", "externalIPs"),
           [&](const Value& address) { addresses.emplace_back(address.as_string()); });
  cell.write(joined(addresses), is_balanced ? "<pending>" : "<none>");
}

void service_ports(const Cell& cell) {
  std::vector<std::string> ports;
  for_each(at(cell.object, "spec", "ports"), [&](const Value& port) {
    const std::int64_t node_port = number_at(port, "nodePort");
    ports.push_back(fmt::format("{}{}/{}", number_at(port, "port"),
                                node_port == 0 ? "" : fmt::format(":{}", node_port),
                                text_at(port, "protocol")));
  });
  cell.write(joined(ports), "<none>");
}

void endpoints(const Cell& cell) {
  std::vector<std::string> found;
  for_each(cell.argument(), [&](const Value& subset) {
    const auto ports = at(subset, "ports");
    for_each(at(subset, "addresses"), [&](const Value& address) {
      const std::string_view ip = text_at(address, "ip");
      if (size_of(ports) == 0) found.emplace_back(ip);
      for_each(ports, [&](const Value& port) { found.push_back(endpoint(ip, number_at(port, "port"))); });
    });
  });
  cell.write(joined(found, kShown), "<none>");
}

void slice_ports(const Cell& cell) {
  std::vector<std::string> ports;
  for_each(at(cell.object, "ports"), [&](const Value& port) {
    const auto number = at(port, "port");
    ports.push_back(number ? plain_text(*number) : std::string(text_at(port, "name")));
  });
  cell.write(joined(ports, kShown), "<unset>");
}

void slice_endpoints(const Cell& cell) {
  std::vector<std::string> addresses;
  for_each(at(cell.object, "endpoints"), [&](const Value& one) {
    for_each(at(one, "addresses"),
             [&](const Value& address) { addresses.emplace_back(address.as_string()); });
  });
  cell.write(joined(addresses, kShown), "<unset>");
}

void ingress_hosts(const Cell& cell) {
  std::vector<std::string> hosts;
  for_each(at(cell.object, "spec", "rules"), [&](const Value& rule) {
    if (const std::string_view host = text_at(rule, "host"); !host.empty()) hosts.emplace_back(host);
  });
  cell.write(joined(hosts, kShown), "*");
}

void ingress_address(const Cell& cell) { cell.write(joined(load_balancer_addresses(cell.object))); }

void ingress_ports(const Cell& cell) {
  cell.write(size_of(at(cell.object, "spec", "tls")) > 0 ? "80, 443" : "80");
}

// "ingressparameters.example.com/name".
void ingress_class_parameters(const Cell& cell) {
  const auto parameters = at(cell.object, "spec", "parameters");
  if (!parameters) return cell.write("<none>");
  const std::string_view group = text_at(*parameters, "apiGroup");
  cell.write(fmt::format("{}{}{}/{}", text_at(*parameters, "kind"), group.empty() ? "" : ".", group,
                         text_at(*parameters, "name")));
}

// Whose an IPAddress is: "services/default/web".
void parent_ref(const Cell& cell) {
  const auto parent = at(cell.object, "spec", "parentRef");
  if (!parent) return cell.write("<none>");
  const std::string_view group = text_at(*parent, "group");
  const std::string_view name_space = text_at(*parent, "namespace");
  cell.write(fmt::format("{}{}{}{}{}/{}", text_at(*parent, "resource"), group.empty() ? "" : ".", group,
                         name_space.empty() ? "" : "/", name_space, text_at(*parent, "name")));
}

constexpr NamedCell kCells[] = {
    {"service_external_ip", service_external_ip},
    {"service_ports", service_ports},
    {"endpoints", endpoints},
    {"slice_ports", slice_ports},
    {"slice_endpoints", slice_endpoints},
    {"ingress_hosts", ingress_hosts},
    {"ingress_address", ingress_address},
    {"ingress_ports", ingress_ports},
    {"ingress_class_parameters", ingress_class_parameters},
    {"parent_ref", parent_ref},
};

}  // namespace

NamedCells network_cells() { return kCells; }

}  // namespace gantry::kube::views
