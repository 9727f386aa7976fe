// SPDX-License-Identifier: Apache-2.0
//
// Service.
#include <set>
#include <string>

#include <fmt/format.h>

#include "base/trim.h"
#include "kube/rules/checks.h"
#include "kube/rules/endpoints.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kTypes[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"};
constexpr std::string_view kProtocols[] = {"SCTP", "TCP", "UDP"};
constexpr std::string_view kAffinities[] = {"ClientIP", "None"};
constexpr std::string_view kPolicies[] = {"Cluster", "Local"};
constexpr std::string_view kDistributions[] = {"PreferClose", "PreferSameZone", "PreferSameNode"};
constexpr std::string_view kFamilies[] = {"IPv4", "IPv6"};
constexpr std::string_view kFamilyPolicies[] = {"PreferDualStack", "RequireDualStack", "SingleStack"};
constexpr std::int64_t kLongestAffinity = 86400;  // seconds: a day

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

bool is_of_six(std::string_view address) { return address.find(':') != std::string_view::npos; }

void families(const Spot& spec) {
  std::set<std::string_view> seen;
  spec["ipFamilies"].each([&](const Spot& family) {
    one_of_if_set(family, kFamilies);
    if (!seen.insert(family.text()).second) family.duplicate();
  });
  one_of_if_set(spec["ipFamilyPolicy"], kFamilyPolicies);
}

// `first`: clusterIP, which the server takes for the first of them where they are not said.
bool valid_addresses(const Spot& addresses, std::string_view first) {
  bool is_valid = true;
  const auto check = [&](const Spot& place, std::string_view address) {
    const Faults faults = ip_faults(address);
    is_valid &= faults.empty();
    for (const std::string& fault : faults) place.invalid(Tree(address), fault);
  };
  if (addresses.size() == 0 && !first.empty() && first != "None") check(addresses.at(0), first);
  std::size_t index = 0;
  addresses.each([&](const Spot& address) {
    if (index++ > 0 || address.text() != "None") return check(address, address.text());
    if (addresses.size() == 1) return;
    is_valid = false;
    addresses.invalid("'None' must be the first and only value");
  });
  if (addresses.size() > 2) addresses.invalid("may only hold up to 2 values");
  return is_valid;
}

void match_families(const Spot& addresses, const Spot& families) {
  if (addresses.at(0).text() == "None") return;
  std::size_t index = 0;
  addresses.each([&](const Spot& address) {
    const std::size_t i = index++;
    if (i >= families.size() || is_of_six(address.text()) == (families.at(i).text() == "IPv6")) return;
    address.invalid(
        fmt::format("expected an {} value as indicated by `ipFamilies[{}]`", families.at(i).text(), i));
  });
}

void cluster_addresses(const Spot& spec) {
  const Spot addresses = spec["clusterIPs"];
  const std::string_view first = spec["clusterIP"].text();
  if (!first.empty() && addresses.size() > 0 && addresses.at(0).text() != first)
    addresses.invalid("first value must match `clusterIP`");
  if (first.empty() && addresses.size() > 0)
    addresses.invalid("must be empty when `clusterIP` is not specified");
  families(spec);
  if (!valid_addresses(addresses, first)) return;
  if (addresses.size() > 1 && is_of_six(addresses.at(0).text()) == is_of_six(addresses.at(1).text()))
    addresses.invalid("may specify no more than one IP for each IP family");
  match_families(addresses, spec["ipFamilies"]);
}

void external_name(const Spot& spec) {
  if (spec["clusterIP"].has_something())
    spec["clusterIPs"].forbidden("may not be set for ExternalName services");
  const Spot name = spec["externalName"];
  if (name.text().empty()) return name.required();
  std::string_view text = name.text();
  if (text.ends_with('.')) text.remove_suffix(1);
  name.invalid_for(dns_subdomain_faults(text));
}

void load_balancer(const Spot& spec) {
  const bool is_balanced = spec["type"].text() == "LoadBalancer";
  // Kubernetes writes the field so.
  const Spot ranges = spec["loadBalancerSourceRanges"];
  const Spot place = spec["LoadBalancerSourceRanges"];
  if (ranges.size() > 0 && !is_balanced) place.forbidden("may only be used when `type` is 'LoadBalancer'");
  for (std::size_t i = 0; i < ranges.size(); ++i) address_range_at(place.at(i), trimmed(ranges.at(i).text()));
  const Spot name = spec["loadBalancerClass"];
  if (name.is_set() && !is_balanced)
    name.forbidden("may only be used when `type` is 'LoadBalancer'");
  else
    named_if_set(name, label_key_faults);
  if (spec["allocateLoadBalancerNodePorts"].is_set() && !is_balanced)
    spec["allocateLoadBalancerNodePorts"].forbidden("may only be used when `type` is 'LoadBalancer'");
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
  if (type == "ExternalName")
    external_name(spec);
  else
    cluster_addresses(spec);
  if (is_external(type) && spec["clusterIP"].text() == "None")
    spec["clusterIPs"].at(0).invalid(spec["clusterIP"].value(),
                                     fmt::format("may not be set to 'None' for {} services", type));
  spec["externalIPs"].each(endpoint_address);
  load_balancer(spec);
  const Spot external = spec["externalTrafficPolicy"];
  one_of_if_set(external, kPolicies);
  if (external.is_set() && !is_external(type) && spec["externalIPs"].size() == 0)
    external.invalid("may only be set for externally-accessible services");
  one_of_if_set(spec["internalTrafficPolicy"], kPolicies);
  one_of_if_set(spec["trafficDistribution"], kDistributions);
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

// Addresses that others know it by; a second one may come and go.
void kept_addresses(const Spot& spec, const Tree& before) {
  const Tree* were = before.find("clusterIPs");
  const Spot now = spec["clusterIPs"];
  if (were == nullptr || were->array().empty()) return;
  const json::TreeArray& old = were->array();
  if (old[0].as_string() == "None" && now.at(0).text() == "None") return;
  if (now.size() == 0) return now.at(0).invalid(now.value(), "primary clusterIP can not be unset");
  const std::size_t compared = now.size() == old.size() ? old.size() : 1;
  for (std::size_t i = 0; i < compared; ++i)
    if (now.at(i).text() != old[i].as_string()) now.at(i).invalid(now.value(), "may not change once set");
  if (now.size() < old.size() && spec["ipFamilyPolicy"].text() != "SingleStack")
    spec["ipFamilyPolicy"].invalid("must be set to 'SingleStack' when releasing the secondary clusterIP");
}

void update_service(const Spot& object, const Tree& stored) {
  const Spot spec = object["spec"];
  const Tree* before = stored.find("spec");
  if (before == nullptr || before->text_at("type") == "ExternalName" || spec["type"].text() == "ExternalName")
    return;
  kept_addresses(spec, *before);
  if (before->text_at("type") == "LoadBalancer" && spec["type"].text() == "LoadBalancer" &&
      !is_same(&spec["loadBalancerClass"].value(), before->find("loadBalancerClass")))
    spec["loadBalancerClass"].invalid("may not change once set");
  const auto needs_check = [](const Tree& one) {
    return one.text_at("type") == "LoadBalancer" && one.text_at("externalTrafficPolicy") == "Local";
  };
  if (needs_check(*before) && needs_check(spec.value()) &&
      !is_same(&spec["healthCheckNodePort"].value(), before->find("healthCheckNodePort")))
    spec["healthCheckNodePort"].forbidden(kImmutable);
}

// Where it is reached from outside.
void update_service_status(const Spot& object, const Tree& /*before*/) {
  constexpr std::string_view kModes[] = {"Proxy", "VIP"};
  const Spot ingress = object["status"]["loadBalancer"]["ingress"];
  if (object["spec"]["type"].text() != "LoadBalancer" && ingress.size() > 0)
    return ingress.forbidden("may only be used when `spec.type` is 'LoadBalancer'");
  ingress.each([&](const Spot& one) {
    const bool has_address = one["ip"].has_something();
    const Spot mode = one["ipMode"];
    balancer_address(one["ip"]);
    if (has_address && !mode.is_set()) mode.required("must be specified when `ip` is set");
    if (!has_address && mode.is_set()) mode.forbidden("may not be specified when `ip` is not set");
    if (has_address) one_of_if_set(mode, kModes);
    balancer_host(one["hostname"]);
  });
}

constexpr KindRules kRules[] = {
    {.group = "",
     .kind = "Service",
     .name_faults = dns_1035_label_faults,
     .prepare = prepare_service,
     .check = check_service,
     .check_update = update_service,
     .check_status = update_service_status},
};

}  // namespace

std::span<const KindRules> service_rules() { return kRules; }

}  // namespace gantry::kube::rules
