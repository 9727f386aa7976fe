// SPDX-License-Identifier: Apache-2.0
//
// Ingress, IngressClass, NetworkPolicy.
#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kPathTypes[] = {"Exact", "ImplementationSpecific", "Prefix"};
constexpr std::string_view kProtocols[] = {"SCTP", "TCP", "UDP"};
constexpr std::string_view kPolicyTypes[] = {"Egress", "Ingress"};

void backend(const Spot& backend) {
  const Spot service = backend["service"];
  const Spot resource = backend["resource"];
  if (service.is_set() && resource.is_set())
    return backend.invalid("cannot set both resource and service backends");
  if (!service.is_set() && !resource.is_set())
    return backend.required("resource or service backend is required");
  if (!service.is_set()) {
    required(resource["kind"]);
    return required(resource["name"]);
  }
  named(service["name"], dns_1035_label_faults);
  const Spot port = service["port"];
  const bool has_name = port["name"].has_something();
  const bool has_number = port["number"].number() != 0;
  if (has_name && has_number) port.invalid("cannot set both port name & port number");
  if (!has_name && !has_number) port.required("port name or number is required");
  if (has_name) port["name"].invalid_for(port_name_faults(port["name"].text()));
  if (has_number) port_number(port["number"]);
}

void host(const Spot& host) {
  const std::string_view name = host.text();
  if (name.empty()) return;
  if (ip_faults(name).empty()) host.invalid("must be a DNS name, not an IP address");
  host.invalid_for(name.find('*') == std::string_view::npos ? dns_subdomain_faults(name)
                                                            : dns_wildcard_faults(name));
}

void path(const Spot& path) {
  const Spot type = path["pathType"];
  const Spot text = path["path"];
  if (!type.is_set())
    type.required("pathType must be specified");
  else
    one_of_if_set(type, kPathTypes);
  if (type.text() == "ImplementationSpecific") {
    if (text.has_something() && !text.text().starts_with('/')) text.invalid("must be an absolute path");
  } else {
    if (!text.text().starts_with('/')) text.invalid("must be an absolute path");
    for (const char* bad : {"//", "/./", "/../", "%2f", "%2F"})
      if (text.text().find(bad) != std::string_view::npos)
        text.invalid(fmt::format("must not contain '{}'", bad));
    for (const char* bad : {"/..", "/."})
      if (text.text().ends_with(bad)) text.invalid(fmt::format("cannot end with '{}'", bad));
  }
  backend(path["backend"]);
}

void check_ingress(const Spot& object) {
  const Spot spec = object["spec"];
  const Spot fallback = spec["defaultBackend"];
  if (spec["rules"].size() == 0 && !fallback.is_set())
    spec.invalid("either `defaultBackend` or `rules` must be specified");
  if (fallback.is_set()) backend(fallback);
  spec["rules"].each([](const Spot& rule) {
    host(rule["host"]);
    if (!rule["http"].is_set()) return;
    required(rule["http"]["paths"]);
    rule["http"]["paths"].each(path);
  });
  spec["tls"].each([](const Spot& tls) {
    tls["hosts"].each(host);
    named_if_set(tls["secretName"], dns_subdomain_faults);
  });
  named_if_set(spec["ingressClassName"], dns_subdomain_faults);
}

void check_ingress_class(const Spot& object) {
  const Spot controller = object["spec"]["controller"];
  if (controller.text().find('/') == std::string_view::npos)
    controller.invalid("must be a domain-prefixed path (such as \"acme.io/foo\")");
  else
    controller.invalid_for(dns_subdomain_faults(controller.text().substr(0, controller.text().find('/'))));
}

void update_ingress_class(const Spot& object, const Tree& before) {
  immutable(object["spec"]["controller"], before.find("spec", "controller"));
}

void policy_port(const Spot& port) {
  one_of_if_set(port["protocol"], kProtocols);
  const Spot number = port["port"];
  const Spot end = port["endPort"];
  if (number.is_set()) port_number_or_name(number);
  if (!end.is_set()) return;
  if (!number.is_set()) return end.invalid("may not be specified when `port` is not specified");
  if (number.is_text()) return end.invalid("may not be specified when `port` is non-numeric");
  if (end.number() < number.number()) end.invalid("must be greater than or equal to `port`");
  port_number(end);
}

void policy_peer(const Spot& peer) {
  std::size_t kinds = 0;
  for (const char* selector : {"podSelector", "namespaceSelector"})
    if (peer[selector].is_set()) {
      ++kinds;
      label_selector(peer[selector]);
    }
  const Spot block = peer["ipBlock"];
  if (block.is_set()) {
    if (kinds > 0) peer.forbidden("may not specify both ipBlock and another peer");
    ++kinds;
    if (block["cidr"].text().empty())
      block["cidr"].required();
    else
      address_range(block["cidr"]);
    block["except"].each(address_range);
  }
  if (kinds == 0) peer.required("must specify a peer");
}

void check_network_policy(const Spot& object) {
  const Spot spec = object["spec"];
  label_selector(spec["podSelector"]);
  for (const auto& [list, peers] : {std::pair("ingress", "from"), std::pair("egress", "to")})
    spec[list].each([side = peers](const Spot& rule) {
      rule["ports"].each(policy_port);
      rule[side].each(policy_peer);
    });
  if (spec["policyTypes"].size() > 2)
    return spec["policyTypes"].invalid("may not specify more than two policyTypes");
  spec["policyTypes"].each([](const Spot& type) { one_of_if_set(type, kPolicyTypes); });
}

constexpr KindRules kRules[] = {
    {.group = "networking.k8s.io", .kind = "Ingress", .counts_generations = true, .check = check_ingress},
    {.group = "networking.k8s.io",
     .kind = "IngressClass",
     .counts_generations = true,
     .check = check_ingress_class,
     .check_update = update_ingress_class},
    {.group = "networking.k8s.io",
     .kind = "NetworkPolicy",
     .counts_generations = true,
     .check = check_network_policy},
};

}  // namespace

std::span<const KindRules> networking_rules() { return kRules; }

}  // namespace gantry::kube::rules
