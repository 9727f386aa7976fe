// SPDX-License-Identifier: Apache-2.0
//
// Where pods may run: node selectors, tolerations, affinity, spread.
#include <algorithm>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

constexpr std::string_view kEffects[] = {"NoExecute", "NoSchedule", "PreferNoSchedule"};
constexpr std::string_view kUnsatisfiable[] = {"DoNotSchedule", "ScheduleAnyway"};
constexpr std::string_view kInclusion[] = {"Honor", "Ignore"};

void toleration(const Spot& toleration) {
  const Spot key = toleration["key"];
  const Spot op = toleration["operator"];
  named_if_set(key, label_key_faults);
  if (key.text().empty() && op.text() != "Exists")
    op.invalid("operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
  const Spot effect = toleration["effect"];
  if (toleration["tolerationSeconds"].is_set() && effect.text() != "NoExecute")
    effect.invalid("effect must be 'NoExecute' when `tolerationSeconds` is set");
  if (op.text().empty() || op.text() == "Equal") {
    toleration["value"].invalid_for(label_value_faults(toleration["value"].text()));
  } else if (op.text() == "Exists") {
    if (!toleration["value"].text().empty())
      toleration["value"].invalid("value must be empty when `operator` is 'Exists'");
  } else {
    constexpr std::string_view kOperators[] = {"Equal", "Exists"};
    op.not_supported(kOperators);
  }
  if (!effect.text().empty()) one_of_if_set(effect, kEffects);
}

void node_requirement(const Spot& requirement) {
  constexpr std::string_view kOperators[] = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"};
  const std::string_view op = requirement["operator"].text();
  const Spot values = requirement["values"];
  if (op == "In" || op == "NotIn") {
    if (values.size() == 0) values.required("must be specified when `operator` is 'In' or 'NotIn'");
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (values.size() > 0)
      values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  } else if (op == "Gt" || op == "Lt") {
    if (values.size() != 1) values.required("must be specified single value when `operator` is 'Lt' or 'Gt'");
  } else if (std::ranges::find(kOperators, op) == std::end(kOperators)) {
    requirement["operator"].invalid("not a valid selector operator");
  }
  requirement["key"].invalid_for(label_key_faults(requirement["key"].text()));
}

void node_terms(const Spot& terms) {
  terms.each([](const Spot& term) { term["matchExpressions"].each(node_requirement); });
}

void pod_term(const Spot& term) {
  label_selector(term["labelSelector"]);
  label_selector(term["namespaceSelector"]);
  term["namespaces"].each([](const Spot& name) { name.invalid_for(dns_label_faults(name.text())); });
  if (term["topologyKey"].text().empty())
    term["topologyKey"].required("can not be empty");
  else
    term["topologyKey"].invalid_for(label_key_faults(term["topologyKey"].text()));
}

constexpr const char* kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr const char* kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";

void weight(const Spot& weight) {
  if (weight.number() < 1 || weight.number() > 100) weight.invalid("must be in the range 1-100");
}

void affinity(const Spot& affinity) {
  const Spot node = affinity["nodeAffinity"];
  if (node[kRequired].is_set()) {
    const Spot terms = node[kRequired]["nodeSelectorTerms"];
    if (terms.size() == 0) terms.required("must have at least one node selector term");
    node_terms(terms);
  }
  node[kPreferred].each([](const Spot& term) {
    weight(term["weight"]);
    term["preference"]["matchExpressions"].each(node_requirement);
  });
  for (const char* kind : {"podAffinity", "podAntiAffinity"}) {
    affinity[kind][kRequired].each(pod_term);
    affinity[kind][kPreferred].each([](const Spot& term) {
      weight(term["weight"]);
      pod_term(term["podAffinityTerm"]);
    });
  }
}

void spread(const Spot& constraints) {
  std::set<std::string> pairs;
  constraints.each([&](const Spot& constraint) {
    if (constraint["maxSkew"].number() <= 0) constraint["maxSkew"].invalid("must be greater than zero");
    if (constraint["topologyKey"].text().empty())
      constraint["topologyKey"].required("can not be empty");
    else
      constraint["topologyKey"].invalid_for(label_key_faults(constraint["topologyKey"].text()));
    const Spot when = constraint["whenUnsatisfiable"];
    one_of(when, kUnsatisfiable);
    if (const Spot domains = constraint["minDomains"]; domains.is_set()) {
      if (domains.number() <= 0) domains.invalid("must be greater than zero");
      if (when.text() != "DoNotSchedule")
        domains.invalid(
            fmt::format("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}", when.text()));
    }
    const std::string pair = fmt::format("{{{}, {}}}", constraint["topologyKey"].text(), when.text());
    if (!pairs.insert(pair).second)
      constraint["{topologyKey, whenUnsatisfiable}"].duplicate(json::Tree(pair));
    label_selector(constraint["labelSelector"]);
    one_of_if_set(constraint["nodeAffinityPolicy"], kInclusion);
    one_of_if_set(constraint["nodeTaintsPolicy"], kInclusion);
  });
}

}  // namespace

void placement(const Spot& spec) {
  labels(spec["nodeSelector"]);
  named_if_set(spec["nodeName"], dns_subdomain_faults);
  spec["tolerations"].each(toleration);
  affinity(spec["affinity"]);
  spread(spec["topologySpreadConstraints"]);
}

}  // namespace gantry::kube::rules
