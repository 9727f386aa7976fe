// SPDX-License-Identifier: Apache-2.0
//
// What containers and pods are given and may use: amounts, devices that are claimed, and whether a container
// starts again when it is given another amount.
#include <algorithm>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "kube/api/quantity.h"
#include "kube/rules/checks.h"
#include "kube/rules/pod_amounts.h"
#include "kube/rules/pod_spec.h"
#include "kube/rules/resource_names.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kComputed[] = {"cpu", "memory"};
constexpr std::string_view kOfPods[] = {"cpu", "hugepages-", "memory"};
constexpr std::string_view kResizePolicies[] = {"NotRequired", "RestartContainer"};
constexpr std::string_view kHugePages = "hugepages-";

bool is_computed(std::string_view name) { return std::ranges::find(kComputed, name) != std::end(kComputed); }

// ---- Amounts

void whole_pages(const Spot& amount, std::string_view name) {
  if (!is_huge_page(name)) return;
  const auto size = Quantity::parse(name.substr(kHugePages.size()));
  const auto wanted = Quantity::from_tree(amount.value());
  if (!wanted) return;
  const bool is_size = size && size->sign() > 0 && size->is_whole() && size->value();
  if (!is_size || wanted->value().value_or(0) % *size->value() != 0)
    amount.invalid(Tree(wanted->text()),
                   fmt::format("{} is not positive integer multiple of {}", wanted->text(), name));
}

// Requests may not be above their limits; what cannot be overcommitted must equal them.
void request(const Spot& requests, const Spot& limits, std::string_view name, const Tree& amount) {
  const Tree* limit = limits.value().find(name);
  const bool must_equal = !may_be_overcommitted(name);
  if (limit == nullptr) {
    if (must_equal) limits.required("Limit must be set for non overcommitable resources");
    return;
  }
  const auto wanted = Quantity::from_tree(amount), most = Quantity::from_tree(*limit);
  if (!wanted || !most) return;
  if (must_equal && *wanted != *most)
    requests.invalid(Tree(wanted->text()),
                     fmt::format("must be equal to {} limit of {}", name, most->text()));
  else if (*wanted > *most)
    requests.invalid(Tree(wanted->text()),
                     fmt::format("must be less than or equal to {} limit of {}", name, most->text()));
}

// `place`: of whom is told that he asks for pages and nothing else.
void amounts(const Spot& place, const Spot& limits, const Spot& requests,
             void (*check_name)(const Spot& at, std::string_view name)) {
  bool has_huge_pages = false, has_basics = false;
  for (const Spot& list : {limits, requests})
    list.each_member([&](std::string_view name, const Spot& amount) {
      check_name(amount, name);
      resource_amount(amount, name);
      if (&list.value() == &requests.value()) request(requests, limits, name, amount.value());
      whole_pages(amount, name);
      has_huge_pages |= is_huge_page(name);
      has_basics |= is_computed(name);
    });
  if (has_huge_pages && !has_basics) place.forbidden("HugePages require cpu or memory");
}

// ---- Claims

// A claim as a whole, or requests of it: "gpus", "gpus/first".
void claim_reference(const Spot& claim, const Names& known, std::set<std::string, std::less<>>& seen) {
  const std::string_view name = claim["name"].text();
  const std::string_view part = claim["request"].text();
  if (name.empty()) return claim.required();
  const std::string whole = fmt::format("{}/", name);
  const std::string key = part.empty() ? std::string(name) : whole + std::string(part);
  named_if_set(claim["request"], dns_label_faults);
  const auto of_whole = seen.lower_bound(whole);
  const bool is_partly_seen = of_whole != seen.end() && of_whole->starts_with(whole);
  if (seen.contains(name))
    claim.duplicate(Tree(name));
  else if (seen.contains(key) || (part.empty() && is_partly_seen))
    claim.duplicate(Tree(key));
  seen.insert(key);
  if (known.contains(name)) return;
  claim.not_found(Tree(name), known.empty()
                                  ? "must be one of the names in pod.spec.resourceClaims which is empty"
                                  : fmt::format("must be one of the names in pod.spec.resourceClaims: {}",
                                                fmt::join(known, ", ")));
}

void claim_references(const Spot& claims, const Names& known) {
  std::set<std::string, std::less<>> seen;
  claims.each([&](const Spot& claim) { claim_reference(claim, known, seen); });
}

// ---- Resizing

void resize_policies(const Spot& policies, const Spot& spec) {
  Names seen;
  policies.each([&](const Spot& policy) {
    const Spot name = policy["resourceName"];
    const Spot restart = policy["restartPolicy"];
    if (!seen.insert(name.text()).second) policy.duplicate(Tree(name.text()));
    // Kubernetes tells of the list.
    one_of(policies.with_value_of(name), kComputed);
    one_of(policies.with_value_of(restart), kResizePolicies);
    if (spec["restartPolicy"].text() == "Never" && restart.text() != "NotRequired")
      policies.invalid(Tree(restart.text()), "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
  });
}

// ---- Of pods

void resource_of_pod(const Spot& at, std::string_view name) {
  Report attempt;
  resource_name(at.in(attempt), name);
  if (!attempt.is_clean()) return at.take(std::move(attempt));
  if (!is_computed(name) && !is_huge_page(name)) at.not_supported(Tree(name), kOfPods);
}

// `is_asked`: of which resources.
void enough_for_containers(const Spot& amounts, const ResourceAmounts& needed, std::string_view what,
                           bool (*is_asked)(std::string_view name)) {
  for (const auto& [name, need] : needed) {
    const Spot given = amounts.key(name);
    const auto amount = Quantity::from_tree(given.value());
    if (given.is_set() && is_asked(name) && amount && need > *amount)
      given.invalid(
          Tree(amount->text()),
          fmt::format("must be greater than or equal to aggregate container {} of {}", what, need.text()));
  }
}

// Kubernetes tells of containers below the pod's resources.
void no_container_above(const Spot& resources, const Spot& spec) {
  const Spot limits = resources["limits"];
  std::size_t index = 0;
  spec["containers"].each([&](const Spot& container) {
    const Spot place = resources["containers"].at(index++);
    for (const auto& [name, amount] : amounts_at(container.value(), "resources", "limits")) {
      const Tree* found = limits.value().find(name);
      const auto most = found == nullptr ? Result<Quantity>(amount) : Quantity::from_tree(*found);
      if (most && amount > *most)
        place.key(name)["limits"].invalid(
            Tree(amount.text()), fmt::format("must be less than or equal to pod limits of {}", most->text()));
    }
  });
}

// At least and at most one of them is said.
void claim_source(const Spot& claim) {
  const Spot name = claim["resourceClaimName"];
  const Spot of_template = claim["resourceClaimTemplateName"];
  if (name.is_set() && of_template.is_set())
    claim.invalid("at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
  if (!name.is_set() && !of_template.is_set())
    claim.invalid("must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
  for (const Spot& source : {name, of_template})
    if (source.is_set()) source.invalid_for(dns_subdomain_faults(source.text()));
}

}  // namespace

Names names_of_claims(const Spot& spec) {
  Names names;
  for (const Tree& claim : spec["resourceClaims"].value().array())
    if (!claim.text_at("name").empty()) names.insert(claim.text_at("name"));
  return names;
}

void container_resources(const Spot& container, const Spot& spec, const Names& claims) {
  const Spot resources = container["resources"];
  amounts(resources, resources["limits"], resources["requests"], container_resource_name);
  claim_references(resources["claims"], claims);
  resize_policies(container["resizePolicy"], spec);
}

void pod_resources(const Spot& spec) {
  const Spot resources = spec["resources"];
  if (!resources.is_set()) return;
  if (spec["os"]["name"].text() == "windows") return resources.forbidden("may not be set for a windows pod");
  if (resources["claims"].is_set())
    resources["claims"].forbidden("claims may not be set for Resources at pod-level");
  amounts(resources, resources["limits"], resources["requests"], resource_of_pod);
  claim_references(resources["claims"], names_of_claims(spec));
  enough_for_containers(resources["requests"], amounts_of_containers(spec.value(), "requests"), "requests",
                        [](std::string_view) { return true; });
  enough_for_containers(resources["limits"], amounts_of_containers(spec.value(), "limits"), "limits",
                        is_huge_page);
  no_container_above(resources, spec);
}

void overhead(const Spot& place, const Spot& given) {
  const Spot limits = place["limits"].with_value_of(given);
  amounts(place, limits, place["requests"], container_resource_name);
}

void resource_claims(const Spot& claims) {
  Names names;
  claims.each([&](const Spot& claim) {
    const Spot name = claim["name"];
    if (name.text().empty())
      name.required();
    else if (!names.insert(name.text()).second)
      name.duplicate();
    else
      name.invalid_for(dns_label_faults(name.text()));
    claim_source(claim);
  });
}

}  // namespace gantry::kube::rules
