// SPDX-License-Identifier: Apache-2.0
//
// Where pods may run: node selectors, tolerations, affinity, spread.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kEffects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
constexpr std::string_view kUnsatisfiable[] = {"DoNotSchedule", "ScheduleAnyway"};
constexpr std::string_view kInclusion[] = {"Honor", "Ignore"};

// ---- Tolerations

// Of what nodes ask, the toleration is for one value, or for all.
void tolerated_value(const Spot& toleration) {
  const Spot op = toleration["operator"];
  const Spot value = toleration["value"];
  if (op.text().empty() || op.text() == "Equal") {
    if (const Faults faults = label_value_faults(value.text()); !faults.empty())
      op.invalid(value.value(), fmt::format("{}", fmt::join(faults, ";")));
  } else if (op.text() == "Exists") {
    if (!value.text().empty()) op.invalid(value.value(), "value must be empty when `operator` is 'Exists'");
  } else {
    constexpr std::string_view kOperators[] = {"Equal", "Exists"};
    constexpr std::string_view kComparing[] = {"Equal", "Exists", "Lt", "Gt"};
    if (op.text() == "Lt" || op.text() == "Gt")
      op.not_supported(kComparing);
    else
      op.not_supported(kOperators);
  }
}

void toleration(const Spot& toleration) {
  const Spot key = toleration["key"];
  const Spot op = toleration["operator"];
  const Spot effect = toleration["effect"];
  named_if_set(key, label_key_faults);
  if (key.text().empty() && op.text() != "Exists")
    op.invalid("operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
  if (toleration["tolerationSeconds"].is_set() && effect.text() != "NoExecute")
    effect.invalid("effect must be 'NoExecute' when `tolerationSeconds` is set");
  tolerated_value(toleration);
  if (!effect.text().empty()) one_of(effect, kEffects);
}

// ---- Nodes

void requirement(const Spot& requirement) {
  constexpr std::string_view kOperators[] = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"};
  const Spot op = requirement["operator"];
  const Spot values = requirement["values"];
  if (op.text() == "In" || op.text() == "NotIn") {
    if (values.size() == 0) values.required("must be specified when `operator` is 'In' or 'NotIn'");
  } else if (op.text() == "Exists" || op.text() == "DoesNotExist") {
    if (values.size() > 0)
      values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  } else if (op.text() == "Gt" || op.text() == "Lt") {
    if (values.size() != 1) values.required("must be specified single value when `operator` is 'Lt' or 'Gt'");
  } else if (std::ranges::find(kOperators, op.text()) == std::end(kOperators)) {
    op.invalid("not a valid selector operator");
  }
  requirement["key"].invalid_for(label_key_faults(requirement["key"].text()));
}

void label_value(const Spot& value) { value.invalid_for(label_value_faults(value.text())); }

// Of nodes' fields only the name is compared.
void field_requirement(const Spot& requirement) {
  const Spot op = requirement["operator"];
  const Spot key = requirement["key"];
  const Spot values = requirement["values"];
  if (op.text() != "In" && op.text() != "NotIn")
    op.invalid("not a valid selector operator");
  else if (values.size() != 1)
    values.required("must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  if (key.text() != "metadata.name") return key.invalid("not a valid field selector key");
  values.each([](const Spot& name) { name.invalid_for(dns_subdomain_faults(name.text())); });
}

// A preference may name values that no label can have.
void node_term(const Spot& term, bool has_to_match) {
  term["matchExpressions"].each([&](const Spot& expression) {
    requirement(expression);
    if (has_to_match) expression["values"].each(label_value);
  });
  term["matchFields"].each(field_requirement);
}

void weight(const Spot& weight) {
  if (weight.number() < 1 || weight.number() > 100) weight.invalid("must be in the range 1-100");
}

// ---- Pods

constexpr const char* kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr const char* kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";

// Labels of which the others have to have the values of the pod itself.
void own_labels(const Spot& keys, const Spot& selector) {
  if (keys.size() == 0) return;
  if (!selector.is_set()) keys.forbidden("must not be specified when labelSelector is not set");
  keys.each([](const Spot& key) { key.invalid_for(label_key_faults(key.text())); });
}

void different_labels(const Spot& same, const Spot& other) {
  Names others;
  for (const Tree& key : other.value().array()) others.insert(key.as_string());
  same.each([&](const Spot& key) {
    if (others.contains(key.text())) key.invalid("exists in both matchLabelKeys and mismatchLabelKeys");
  });
}

void pod_term(const Spot& term) {
  label_selector(term["labelSelector"]);
  label_selector(term["namespaceSelector"]);
  // Kubernetes does not say which of them.
  for (const Tree& name : term["namespaces"].value().array())
    for (const std::string& fault : dns_label_faults(name.as_string()))
      term["namespace"].invalid(name, fault);
  own_labels(term["matchLabelKeys"], term["labelSelector"]);
  own_labels(term["mismatchLabelKeys"], term["labelSelector"]);
  different_labels(term["matchLabelKeys"], term["mismatchLabelKeys"]);
  const Spot topology = term["topologyKey"];
  if (topology.text().empty()) topology.required("can not be empty");
  topology.invalid_for(label_key_faults(topology.text()));
}

// ---- Spread

std::string pair_of(const Tree& constraint) {
  return fmt::format("{{{}, {}}}", constraint.text_at("topologyKey"),
                     constraint.text_at("whenUnsatisfiable"));
}

void spread_over(const Spot& constraint) {
  if (constraint["maxSkew"].number() <= 0) constraint["maxSkew"].invalid("must be greater than zero");
  required(constraint["topologyKey"], "can not be empty");
  const Spot when = constraint["whenUnsatisfiable"];
  if (std::ranges::find(kUnsatisfiable, when.text()) == std::end(kUnsatisfiable))
    when.not_supported(kUnsatisfiable);
  const Spot domains = constraint["minDomains"];
  if (!domains.is_set()) return;
  if (domains.number() <= 0) domains.invalid("must be greater than zero");
  if (when.text() != "DoNotSchedule")
    domains.invalid(
        fmt::format("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}", when.text()));
}

}  // namespace

void tolerations(const Spot& tolerations) { tolerations.each(toleration); }

void node_selector(const Spot& selector) {
  const Spot terms = selector["nodeSelectorTerms"];
  if (terms.size() == 0) terms.required("must have at least one node selector term");
  terms.each([](const Spot& term) { node_term(term, true); });
}

void affinity(const Spot& affinity) {
  const Spot node = affinity["nodeAffinity"];
  if (node[kRequired].is_set()) node_selector(node[kRequired]);
  node[kPreferred].each([](const Spot& term) {
    weight(term["weight"]);
    node_term(term["preference"], false);
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
  std::map<std::string, std::size_t> left;
  for (const Tree& constraint : constraints.value().array()) ++left[pair_of(constraint)];
  constraints.each([&](const Spot& constraint) {
    spread_over(constraint);
    // The last of equal ones is the one that is right.
    const std::string pair = pair_of(constraint.value());
    if (--left[pair] > 0) constraint["{topologyKey, whenUnsatisfiable}"].duplicate(Tree(pair));
    one_of_if_set(constraint["nodeAffinityPolicy"], kInclusion);
    one_of_if_set(constraint["nodeTaintsPolicy"], kInclusion);
    own_labels(constraint["matchLabelKeys"], constraint["labelSelector"]);
    label_selector(constraint["labelSelector"]);
  });
}

}  // namespace gantry::kube::rules
