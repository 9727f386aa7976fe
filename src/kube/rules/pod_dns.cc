// SPDX-License-Identifier: Apache-2.0
//
// How pods find names, and which they have themselves.
#include <algorithm>

#include <fmt/format.h>

#include "base/split.h"
#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::size_t kNameServers = 3;
constexpr std::size_t kSearchDomains = 32;
constexpr std::size_t kSearchSize = 2048;  // with a space between them
constexpr std::size_t kHostnameSize = 64;

bool is_edge(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Services' names begin with an underscore, which names of hosts do not.
bool is_search_label(std::string_view label) {
  if (label.starts_with('_')) label.remove_prefix(1);
  return !label.empty() && is_edge(label.front()) && is_edge(label.back()) &&
         std::ranges::all_of(label, [](char c) { return is_edge(c) || c == '-' || c == '_'; });
}

// The root says that nothing is to be put behind a name.
void search_domain(const Spot& domain) {
  std::string_view name = domain.text();
  if (name == ".") return;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.size() > kSubdomainSize)
    domain.invalid(Tree(name), fmt::format("must be no more than {} bytes", kSubdomainSize));
  if (!std::ranges::all_of(split(name, '.'), is_search_label))
    domain.invalid(
        Tree(name),
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', "
        "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
        R"(validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*'))");
}

void searches(const Spot& searches) {
  if (searches.size() > kSearchDomains)
    searches.invalid(fmt::format("must not have more than {} search paths", kSearchDomains));
  std::size_t size = 0;
  for (const Tree& domain : searches.value().array()) size += domain.as_string().size() + 1;
  if (size > kSearchSize + 1)
    searches.invalid(fmt::format(
        "must not have more than {} characters (including spaces) in the search list", kSearchSize));
  searches.each(search_domain);
}

}  // namespace

void dns_config(const Spot& spec) {
  const Spot config = spec["dnsConfig"];
  const Spot servers = config["nameservers"];
  if (spec["dnsPolicy"].text() == "None") {
    constexpr std::string_view kNeeded = "must provide `dnsConfig` when `dnsPolicy` is None";
    if (!config.is_set()) return config.required(kNeeded);
    if (servers.size() == 0)
      return servers.required("must provide at least one DNS nameserver when `dnsPolicy` is None");
  }
  if (servers.size() > kNameServers)
    servers.invalid(fmt::format("must not have more than {} nameservers", kNameServers));
  servers.each(ip_address);
  searches(config["searches"]);
  config["options"].each([](const Spot& option) {
    if (option["name"].text().empty()) option.required("must not be empty");
  });
}

void hostname_override(const Spot& spec) {
  const Spot name = spec["hostnameOverride"];
  if (!name.is_set()) return;
  for (const char* field : {"setHostnameAsFQDN", "hostNetwork"})
    if (spec[field].flag()) name.forbidden(fmt::format("may not be specified when {} is true", field));
  if (name.text().size() > kHostnameSize) name.too_long(kHostnameSize);
  name.invalid_for(dns_subdomain_faults(name.text()));
}

void host_aliases(const Spot& aliases) {
  aliases.each([](const Spot& alias) {
    ip_address(alias["ip"]);
    alias["hostnames"].each([](const Spot& name) { name.invalid_for(dns_subdomain_faults(name.text())); });
  });
}

}  // namespace gantry::kube::rules
