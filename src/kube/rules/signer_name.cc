// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/signer_name.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/split.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::size_t kPathSize = kSubdomainSize + kLabelSize + 1;  // "namespace.name"
constexpr std::size_t kSignerSize = kSubdomainSize + kPathSize + 1;

// Of the parts between dots the first that is malformed is told of.
void parts(const Spot& name, std::string_view text, Faults (*faults_of)(std::string_view)) {
  for (const std::string_view part : split(text, '.')) {
    const Faults faults = faults_of(part);
    for (const std::string& fault : faults)
      name.invalid(Tree(text), fmt::format("validating label \"{}\": {}", part, fault));
    if (!faults.empty()) return;
  }
}

std::string replaced(std::string_view text, char from, char to) {
  std::string changed(text);
  std::ranges::replace(changed, from, to);
  return changed;
}

}  // namespace

void signer_name(const Spot& name) {
  if (name.text().empty()) return name.required();
  const auto segments = split(name.text(), '/');
  if (segments.size() != 2)
    return name.invalid("must be a fully qualified domain and path of the form 'example.com/signer-name'");
  const std::string_view domain = segments[0];
  if (domain.size() > kSubdomainSize) name.too_long(kSubdomainSize);
  parts(name, domain, dns_label_faults);
  if (domain.find('.') == std::string_view::npos)
    name.invalid(Tree(domain), "should be a domain with at least two segments separated by dots");
  parts(name, segments[1], dns_subdomain_faults);
  if (name.text().size() > kSignerSize) name.too_long(kSignerSize);
}

bool is_kubernetes_signer(std::string_view name) {
  const std::string_view domain = name.substr(0, name.find('/'));
  return domain == "kubernetes.io" || domain.ends_with(".kubernetes.io");
}

Faults trust_bundle_name_faults(std::string_view name, std::string_view signer) {
  if (signer.empty()) {
    if (name.find(':') != std::string_view::npos)
      return {"ClusterTrustBundle without signer name must not have \":\" in its name"};
    return dns_subdomain_faults(name);
  }
  const std::string prefix = replaced(signer, '/', ':') + ":";
  if (!name.starts_with(prefix))
    return {fmt::format("ClusterTrustBundle for signerName {} must be named with prefix {}", signer, prefix)};
  return dns_subdomain_faults(name.substr(prefix.size()));
}

std::string signer_of_trust_bundle(std::string_view name) {
  const std::size_t end = name.rfind(':');
  return end == std::string_view::npos ? std::string() : replaced(name.substr(0, end), ':', '/');
}

}  // namespace gantry::kube::rules
