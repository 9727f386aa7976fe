// SPDX-License-Identifier: Apache-2.0
//
// Service, Endpoints, EndpointSlice.
#include <set>
#include <string>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kTypes[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"};
constexpr std::string_view kProtocols[] = {"SCTP", "TCP", "UDP"};
constexpr std::string_view kAffinities[] = {"ClientIP", "None"};
constexpr std::string_view kPolicies[] = {"Cluster", "Local"};
constexpr std::string_view kFamilies[] = {"IPv4", "IPv6"};
constexpr std::string_view kFamilyPolicies[] = {"PreferDualStack", "RequireDualStack", "SingleStack"};
constexpr std::string_view kAddressTypes[] = {"FQDN", "IPv4", "IPv6"};
constexpr std::int64_t kLongestAffinity = 86400;  // seconds: a day
constexpr std::size_t kSliceEndpoints = 1000;
constexpr std::size_t kSlicePorts = 20'000;
constexpr std::size_t kSliceAddresses = 100;

bool is_external(std::string_view type) { return type == "NodePort" || type == "LoadBalancer"; }

void service_ports(const Spot& spec) {
  const Spot ports = spec["ports"];
  const bool is_headless = spec["clusterIP"].text() == "None";
  const std::string_view type = spec["type"].text();
  if (ports.size() == 0 && !is_headless && type != "ExternalName") ports.required();
  std::set<std::string_view> names;
  std::set<std::string> taken;
  std::set<std::string> node_ports;
  ports.each([&](const Spot& port) {
    const Spot name = port["name"];
    if (name.text().empty()) {
      if (ports.size() > 1) name.required();
    } else {
      name.invalid_for(dns_label_faults(name.text()));
      if (!names.insert(name.text()).second) name.duplicate();
    }
    port_number(port["port"]);
    one_of(port["protocol"], kProtocols);
    port_number_or_name(port["targetPort"]);
    named_if_set(port["appProtocol"], label_key_faults);
    const std::string key = fmt::format("{}/{}", port["port"].number(), port["protocol"].text());
    if (!taken.insert(key).second) {
      json::TreeObject shown;
      shown["port"] = port["port"].value();
      shown["protocol"] = port["protocol"].value();
      port.duplicate(Tree(std::move(shown)));
    }
    const Spot outside = port["nodePort"];
    if (outside.number() == 0) return;
    within(outside, 1, 65535);
    if (!is_external(type)) outside.forbidden("may not be used when `type` is 'ClusterIP'");
    if (!node_ports.insert(fmt::format("{}/{}", outside.number(), port["protocol"].text())).second)
      outside.duplicate();
  });
}

void session_affinity(const Spot& spec) {
  const Spot affinity = spec["sessionAffinity"];
  one_of(affinity, kAffinities);
  const Spot config = spec["sessionAffinityConfig"];
  if (affinity.text() == "None" && config.is_set())
    config.forbidden("must not be set when session affinity is None");
  if (affinity.text() != "ClientIP") return;
  const Spot timeout = config["clientIP"]["timeoutSeconds"];
  if (!timeout.is_set())
    timeout.required("when session affinity type is ClientIP");
  else if (timeout.number() <= 0 || timeout.number() > kLongestAffinity)
    timeout.invalid(fmt::format("must be greater than 0 and less than {}", kLongestAffinity));
}

void cluster_addresses(const Spot& spec) {
  const Spot addresses = spec["clusterIPs"];
  if (addresses.size() > 2) addresses.invalid("may only hold up to 2 values");
  const auto check = [](const Spot& address) {
    if (!address.text().empty() && address.text() != "None") ip_address(address);
  };
  check(spec["clusterIP"]);
  addresses.each(check);
  if (addresses.size() > 0 && addresses.at(0).text() != spec["clusterIP"].text())
    addresses.invalid("first value must match `clusterIP`");
  spec["ipFamilies"].each([](const Spot& family) { one_of_if_set(family, kFamilies); });
  one_of_if_set(spec["ipFamilyPolicy"], kFamilyPolicies);
}

void external_name(const Spot& spec) {
  if (spec["clusterIP"].has_something())
    spec["clusterIP"].forbidden("may not be set for ExternalName services");
  const Spot name = spec["externalName"];
  if (name.text().empty()) return name.required();
  std::string_view text = name.text();
  if (text.ends_with('.')) text.remove_suffix(1);
  name.invalid_for(dns_subdomain_faults(text));
}

void load_balancer(const Spot& spec) {
  const bool is_balanced = spec["type"].text() == "LoadBalancer";
  const Spot ranges = spec["loadBalancerSourceRanges"];
  if (ranges.size() > 0 && !is_balanced) ranges.forbidden("may only be used when `type` is 'LoadBalancer'");
  ranges.each(address_range);
  const Spot name = spec["loadBalancerClass"];
  if (name.is_set() && !is_balanced) name.forbidden("may only be used when `type` is 'LoadBalancer'");
  named_if_set(name, label_key_faults);
  const Spot check_port = spec["healthCheckNodePort"];
  if (check_port.number() != 0 && (!is_balanced || spec["externalTrafficPolicy"].text() != "Local"))
    check_port.invalid(
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
}

void check_service(const Spot& object) {
  const Spot spec = object["spec"];
  const std::string_view type = spec["type"].text();
  one_of(spec["type"], kTypes);
  service_ports(spec);
  labels(spec["selector"]);
  session_affinity(spec);
  cluster_addresses(spec);
  if (type == "ExternalName") external_name(spec);
  if (type == "LoadBalancer" && spec["clusterIP"].text() == "None")
    spec["clusterIP"].invalid("may not be set to 'None' for LoadBalancer services");
  if (type == "NodePort" && spec["clusterIP"].text() == "None")
    spec["clusterIP"].invalid("may not be set to 'None' for NodePort services");
  spec["externalIPs"].each(ip_address);
  load_balancer(spec);
  const Spot external = spec["externalTrafficPolicy"];
  one_of_if_set(external, kPolicies);
  if (external.is_set() && !is_external(type) && spec["externalIPs"].size() == 0)
    external.invalid("may only be set for externally-accessible services");
  one_of_if_set(spec["internalTrafficPolicy"], kPolicies);
}

// A service keeps the addresses that it has been given, as long as its type needs them.
void prepare_service(Tree& object, const Tree* before) {
  Tree* found = object.object().find("spec");
  if (found == nullptr) return;
  json::TreeObject& spec = found->object();
  const std::string type(found->text_at("type"));  // of its own: what follows moves the fields
  if (type == "ExternalName") {
    for (const char* field : {"clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"})
      spec.erase(field);
    if (spec.find("clusterIP") != nullptr && spec.find("clusterIP")->as_string().empty())
      spec.erase("clusterIP");
  }
  if (!is_external(type)) {
    spec.erase("allocateLoadBalancerNodePorts");
    if (spec.find("externalIPs") == nullptr) spec.erase("externalTrafficPolicy");
  }
  const Tree* old = before == nullptr ? nullptr : before->find("spec");
  if (old == nullptr) return;
  const std::string_view old_type = old->text_at("type");
  if (type != "ExternalName" && old_type != "ExternalName")
    for (const char* field : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"})
      if (const Tree* value = old->find(field); value != nullptr && spec.find(field) == nullptr)
        spec[field] = *value;
  const Tree* old_ports = old->find("ports");
  const Tree* ports = spec.find("ports");
  if (!is_external(type) && is_external(old_type) && ports != nullptr && old_ports != nullptr) {
    // Node ports that were given go when the type does not need them; those that are asked for now are
    // refused.
    std::set<std::int64_t> given;
    for (const Tree& was : old_ports->array())
      if (const Tree* number = was.find("nodePort")) given.insert(number->as_int64().value_or(0));
    for (Tree& port : spec["ports"].array())
      if (const Tree* number = port.find("nodePort");
          number != nullptr && given.contains(number->as_int64().value_or(0)))
        port.object().erase("nodePort");
  }
}

void update_service(const Spot& object, const Tree& stored) {
  const Spot spec = object["spec"];
  const Tree* before = stored.find("spec");
  if (before == nullptr || before->text_at("type") == "ExternalName" || spec["type"].text() == "ExternalName")
    return;
  immutable_once_set(spec["clusterIP"], before->find("clusterIP"));
  if (before->text_at("type") == "LoadBalancer" && spec["type"].text() == "LoadBalancer" &&
      !is_same(&spec["loadBalancerClass"].value(), before->find("loadBalancerClass")))
    spec["loadBalancerClass"].invalid("may not change once set");
}

// ---- Endpoints

void endpoint_address(const Spot& address) {
  const std::string_view text = address.text();
  if (!ip_faults(text).empty()) return ip_address(address);
  if (text == "0.0.0.0" || text == "::") address.invalid(fmt::format("may not be unspecified ({})", text));
  if (text.starts_with("127.") || text == "::1")
    address.invalid("may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (text.starts_with("169.254."))
    address.invalid("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
}

void endpoint_ports(const Spot& ports) {
  ports.each([&](const Spot& port) {
    if (port["name"].text().empty()) {
      if (ports.size() > 1) port["name"].required();
    } else {
      port["name"].invalid_for(dns_label_faults(port["name"].text()));
    }
    port_number(port["port"]);
    one_of(port["protocol"], kProtocols);
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

void slice_address(const Spot& address, std::string_view type) {
  if (type == "FQDN") return address.invalid_for(dns_subdomain_faults(address.text()));
  endpoint_address(address);
  if ((address.text().find(':') == std::string_view::npos) != (type == "IPv4"))
    address.invalid(type == "IPv4" ? "must be an IPv4 address" : "must be an IPv6 address");
}

void check_endpoint_slice(const Spot& object) {
  const std::string_view type = object["addressType"].text();
  one_of(object["addressType"], kAddressTypes);
  const Spot endpoints = object["endpoints"];
  if (endpoints.size() > kSliceEndpoints) endpoints.too_many(endpoints.size(), kSliceEndpoints);
  endpoints.each([&](const Spot& endpoint) {
    const Spot addresses = endpoint["addresses"];
    if (addresses.size() == 0) addresses.required("must contain at least 1 address");
    if (addresses.size() > kSliceAddresses) addresses.too_many(addresses.size(), kSliceAddresses);
    addresses.each([&](const Spot& address) { slice_address(address, type); });
    named_if_set(endpoint["hostname"], dns_label_faults);
    named_if_set(endpoint["nodeName"], dns_subdomain_faults);
  });
  const Spot ports = object["ports"];
  if (ports.size() > kSlicePorts) ports.too_many(ports.size(), kSlicePorts);
  std::set<std::string_view> names;
  ports.each([&](const Spot& port) {
    named_if_set(port["name"], dns_label_faults);
    if (!names.insert(port["name"].text()).second) port["name"].duplicate();
    one_of(port["protocol"], kProtocols);
  });
}

void update_endpoint_slice(const Spot& object, const Tree& before) {
  immutable(object["addressType"], before.find("addressType"));
}

constexpr KindRules kRules[] = {
    {.group = "", .kind = "Endpoints", .check = check_endpoints},
    {.group = "",
     .kind = "Service",
     .name_faults = dns_1035_label_faults,
     .prepare = prepare_service,
     .check = check_service,
     .check_update = update_service},
    {.group = "discovery.k8s.io",
     .kind = "EndpointSlice",
     .counts_generations = true,
     .check = check_endpoint_slice,
     .check_update = update_endpoint_slice},
};

}  // namespace

std::span<const KindRules> service_rules() { return kRules; }

}  // namespace gantry::kube::rules
