// SPDX-License-Identifier: Apache-2.0
//
// Ingress, IngressClass, NetworkPolicy.
#include <fmt/format.h>

#include "kube/cel/ip_text.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kPathTypes[] = {"Exact", "ImplementationSpecific", "Prefix"};
constexpr std::string_view kProtocols[] = {"TCP", "UDP", "SCTP"};  // in Kubernetes' order
constexpr std::string_view kParameterScopes[] = {"Cluster", "Namespace"};
constexpr std::size_t kControllerSize = 250;
constexpr std::string_view kPolicyTypes[] = {"Ingress", "Egress"};

// "Widget.example.com/name": of something that no rule knows.
void object_reference(const Spot& reference) {
  named_if_set(reference["apiGroup"], dns_subdomain_faults);
  for (const char* field : {"kind", "name"})
    if (reference[field].text().empty())
      reference[field].required(fmt::format("{} is required", field));
    else
      reference[field].invalid_for(path_segment_faults(reference[field].text()));
}

void backend(const Spot& backend) {
  const Spot service = backend["service"];
  const Spot resource = backend["resource"];
  if (service.is_set() && resource.is_set())
    return backend.invalid(Tree(""), "cannot set both resource and service backends");
  if (!service.is_set() && !resource.is_set())
    return backend.invalid(Tree(""), "resource or service backend is required");
  if (!service.is_set()) return object_reference(resource);
  named(service["name"], dns_1035_label_faults);
  const Spot port = service["port"];
  const bool has_name = port["name"].has_something();
  const bool has_number = port["number"].number() != 0;
  if (has_name && has_number) return backend.invalid(Tree(""), "cannot set both port name & port number");
  if (!has_name && !has_number) return backend.required("port name or number is required");
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
  if (!type.is_set()) return type.required("pathType must be specified");
  one_of_if_set(type, kPathTypes);
  if (type.text() == "ImplementationSpecific") {
    if (text.has_something() && !text.text().starts_with('/')) text.invalid("must be an absolute path");
  } else if (type.text() == "Exact" || type.text() == "Prefix") {
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
    spec.invalid(spec["rules"].value(), "either `defaultBackend` or `rules` must be specified");
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

// Balancers that were found for it, with their names or addresses.
void update_ingress_status(const Spot& object, const Tree& /*before*/) {
  object["status"]["loadBalancer"]["ingress"].each([](const Spot& ingress) {
    balancer_address(ingress["ip"]);
    balancer_host(ingress["hostname"]);
  });
}

void class_parameters(const Spot& parameters) {
  if (!parameters.is_set()) return;
  object_reference(parameters);
  const Spot scope = parameters["scope"];
  const Spot name_space = parameters["namespace"];
  if (!scope.is_set()) return scope.required();
  one_of_if_set(scope, kParameterScopes);
  if (scope.text() == "Cluster" && name_space.is_set())
    name_space.forbidden("`parameters.scope` is set to 'Cluster'");
  if (scope.text() != "Namespace") return;
  if (!name_space.is_set())
    name_space.required("`parameters.scope` is set to 'Namespace'");
  else
    name_space.invalid_for(dns_label_faults(name_space.text()));
}

void check_ingress_class(const Spot& object) {
  const Spot controller = object["spec"]["controller"];
  if (controller.text().size() > kControllerSize) controller.too_long(kControllerSize);
  domain_prefixed_path(controller);
  class_parameters(object["spec"]["parameters"]);
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

// Addresses, and of those some that are meant not to be.
void address_block(const Spot& block) {
  const Spot whole = block["cidr"];
  if (whole.text().empty()) return whole.required();
  address_range(whole);
  const auto range = cel::parse_cidr(whole.text());
  if (!range) return;
  block["except"].each([&](const Spot& except) {
    address_range(except);
    const auto part = cel::parse_cidr(except.text());
    if (part && (!cel::contains(*range, part->address) || part->prefix <= range->prefix))
      except.invalid("must be a strict subset of `cidr`");
  });
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
    address_block(block);
    if (kinds > 0) peer.forbidden("may not specify both ipBlock and another peer");
    ++kinds;
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
    {.group = "networking.k8s.io",
     .kind = "Ingress",
     .counts_generations = true,
     .check = check_ingress,
     .check_status = update_ingress_status},
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
