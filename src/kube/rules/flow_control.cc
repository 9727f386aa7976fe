// SPDX-License-Identifier: Apache-2.0
//
// FlowSchema and PriorityLevelConfiguration. Those without which requests would find no place cannot be
// other than they are.
#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "kube/fairness/stock_flows.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::int64_t kLastPrecedence = 10'000;
constexpr std::int64_t kMostQueues = 10'000'000;
constexpr int kHashBits = 60;  // of a flow, from which its hand of queues is dealt
constexpr std::string_view kDistinguishers[] = {"ByNamespace", "ByUser"};
constexpr std::string_view kVerbs[] = {"create", "delete", "deletecollection", "get",  "list",
                                       "patch",  "proxy",  "update",           "watch"};
constexpr std::string_view kSubjects[] = {"Group", "ServiceAccount", "User"};
constexpr std::string_view kLevelTypes[] = {"Exempt", "Limited"};
constexpr std::string_view kResponses[] = {"Queue", "Reject"};

struct SubjectKind {
  const char* kind;
  const char* field;
};
constexpr SubjectKind kSubjectKinds[] = {
    {"ServiceAccount", "serviceAccount"}, {"User", "user"}, {"Group", "group"}};

bool holds(const Spot& list, std::string_view word) {
  return std::ranges::any_of(list.value().array(), [&](const Tree& one) { return one.as_string() == word; });
}

// A list that is not empty, and says nothing else where it says "*".
void some_or_all(const Spot& list, std::string_view why_required, std::string_view what) {
  if (list.size() == 0) return list.required(why_required);
  if (list.size() > 1 && holds(list, "*"))
    list.invalid(fmt::format("if '*' is present, must not specify other {}", what));
}

void verbs(const Spot& verbs) {
  some_or_all(verbs, "verbs must contain at least one value", "verbs");
  const auto is_known = [](const Tree& verb) {
    return std::ranges::find(kVerbs, verb.as_string()) != std::end(kVerbs);
  };
  if (!holds(verbs, "*") && !std::ranges::all_of(verbs.value().array(), is_known))
    verbs.not_supported(kVerbs);
}

void resource_rule(const Spot& rule) {
  verbs(rule["verbs"]);
  some_or_all(rule["apiGroups"], "resource rules must supply at least one api group", "api groups");
  some_or_all(rule["resources"], "resource rules must supply at least one resource", "resources");
  const Spot namespaces = rule["namespaces"];
  if (namespaces.size() == 0 && rule["clusterScope"].flag()) return;
  some_or_all(namespaces, "resource rules that are not cluster scoped must supply at least one namespace",
              "namespaces");
  if (holds(namespaces, "*")) return;
  namespaces.each([](const Spot& name) {
    for (const std::string& fault : dns_label_faults(name.text()))
      name.invalid(fmt::format("each member of this list must be '*' or a DNS-1123 label; {}", fault));
  });
}

void path_pattern(const Spot& path) {
  const std::string_view text = path.text();
  if (text.empty()) return path.invalid(Tree(""), "must not be empty");
  if (text == "/") return;
  if (!text.starts_with('/')) return path.invalid("must start with slash");
  if (text.find(' ') != std::string_view::npos) return path.invalid("must not contain white-space");
  if (text.find("//") != std::string_view::npos) return path.invalid("must not contain double slash");
  const auto stars = std::ranges::count(text, '*');
  if (stars > 1 || (stars == 1 && !text.ends_with("/*")))
    path.invalid("wildcard can only do suffix matching");
}

void path_rule(const Spot& rule) {
  verbs(rule["verbs"]);
  const Spot paths = rule["nonResourceURLs"];
  some_or_all(paths, "nonResourceURLs must contain at least one value", "non-resource URLs");
  if (!holds(paths, "*")) paths.each(path_pattern);
}

void service_account(const Spot& account) {
  const Spot name = account["name"];
  if (name.text() != "*") named(name, dns_subdomain_faults);
  const Spot name_space = account["namespace"];
  if (name_space.text().empty())
    name_space.required("must specify namespace for service account");
  else
    name_space.invalid_for(dns_label_faults(name_space.text()));
}

void subject(const Spot& subject) {
  const std::string_view kind = subject["kind"].text();
  if (std::ranges::find(kSubjects, kind) == std::end(kSubjects))
    return subject["kind"].not_supported(kSubjects);
  for (const SubjectKind& known : kSubjectKinds) {
    const Spot field = subject[known.field];
    if (known.kind != kind) {
      if (field.is_set())
        field.forbidden(
            fmt::format("{} is forbidden when subject kind is not '{}'", known.field, known.kind));
    } else if (!field.is_set()) {
      field.required(fmt::format("{} is required when subject kind is '{}'", known.field, known.kind));
    } else if (kind == "ServiceAccount") {
      service_account(field);
    } else {
      required(field["name"]);
    }
  }
}

void rule(const Spot& rule) {
  if (rule["subjects"].size() == 0) rule["subjects"].required("subjects must contain at least one value");
  rule["subjects"].each(subject);
  if (rule["resourceRules"].size() + rule["nonResourceRules"].size() == 0)
    rule.required("at least one of resourceRules and nonResourceRules has to be non-empty");
  rule["resourceRules"].each(resource_rule);
  rule["nonResourceRules"].each(path_rule);
}

void check_conditions(const Spot& conditions) {
  std::set<std::string_view> seen;
  conditions.each([&](const Spot& condition) {
    const Spot type = condition["type"];
    if (!seen.insert(type.text()).second) type.duplicate();
    required(type, "must not be empty");
  });
}

void check_schema(const Spot& object) {
  const Spot spec = object["spec"];
  const std::string_view name = object["metadata"]["name"].text();
  const Spot precedence = spec["matchingPrecedence"];
  if (precedence.number() <= 0) precedence.invalid("must be a positive value");
  if (precedence.number() > kLastPrecedence)
    precedence.invalid(fmt::format("must not be greater than {}", kLastPrecedence));
  if (precedence.number() == 1 && name != "exempt")
    precedence.invalid("only the schema named 'exempt' may have matchingPrecedence 1");
  if (const Spot method = spec["distinguisherMethod"]; method.is_set()) {
    const Spot type = method["type"];
    if (std::ranges::find(kDistinguishers, type.text()) == std::end(kDistinguishers))
      type.not_supported(kDistinguishers);
  }
  const Spot level = spec["priorityLevelConfiguration"]["name"];
  if (level.text().empty())
    level.required("must reference a priority level");
  else
    level.invalid_for(dns_subdomain_faults(level.text()));
  spec["rules"].each(rule);
  if (const auto fixed = fixed_flow_spec("FlowSchema", name); fixed && !is_same(&spec.value(), &*fixed))
    spec.invalid(fmt::format("spec of '{}' must equal the fixed value", name));
  check_conditions(object["status"]["conditions"]);
}

// Bits of a hash that hands of `hand` queues out of `queues` take.
int entropy_bits(std::int64_t queues, std::int64_t hand) {
  double bits = 0;
  for (std::int64_t i = 0; i < hand && bits <= kHashBits; ++i)
    bits += std::log2(static_cast<double>(queues - i));
  return static_cast<int>(std::ceil(bits));
}

void queuing(const Spot& queuing) {
  const Spot length = queuing["queueLengthLimit"];
  const Spot queues = queuing["queues"];
  const Spot hand = queuing["handSize"];
  if (length.number() <= 0) length.invalid("must be positive");
  if (queues.number() <= 0)
    queues.invalid("must be positive");
  else if (queues.number() > kMostQueues)
    queues.invalid(fmt::format("must not be greater than {}", kMostQueues));
  if (hand.number() <= 0)
    hand.invalid("must be positive");
  else if (hand.number() > queues.number())
    hand.invalid(fmt::format("should not be greater than queues ({})", queues.number()));
  else if (entropy_bits(queues.number(), hand.number()) > kHashBits)
    hand.invalid(
        fmt::format("required entropy bits of deckSize {} and handSize {} should not be greater than {}",
                    queues.number(), hand.number(), kHashBits));
}

void limit_response(const Spot& response) {
  const std::string_view type = response["type"].text();
  const Spot lines = response["queuing"];
  if (type == "Reject") {
    if (lines.is_set()) lines.forbidden("must be nil if limited.limitResponse.type is not Limited");
  } else if (type != "Queue") {
    response["type"].not_supported(kResponses);
  } else if (!lines.is_set()) {
    lines.required("must not be empty if limited.limitResponse.type is Limited");
  } else {
    queuing(lines);
  }
}

void shares(const Spot& part) {
  if (part["nominalConcurrencyShares"].number() < 0)
    part["nominalConcurrencyShares"].invalid("must be a non-negative integer");
}

void limited(const Spot& part) {
  shares(part);
  limit_response(part["limitResponse"]);
  within(part["lendablePercent"], 0, 100);
  if (part["borrowingLimitPercent"].number() < 0)
    part["borrowingLimitPercent"].invalid("if specified, must be a non-negative integer");
}

void exempt(const Spot& part) {
  shares(part);
  within(part["lendablePercent"], 0, 100);
}

// How much the exempt level lends is for administrators to say.
void fixed_level(const Spot& spec, std::string_view name) {
  auto fixed = fixed_flow_spec("PriorityLevelConfiguration", name);
  if (!fixed) return;
  Tree current = spec.value();
  for (Tree* one : {&*fixed, &current})
    if (name == "exempt") one->object().erase("exempt");
  if (!is_same(&current, &*fixed))
    spec.invalid(fmt::format("spec of '{}' except the 'spec.exempt' field must equal the fixed value", name));
}

void check_level(const Spot& object) {
  const Spot spec = object["spec"];
  const std::string_view name = object["metadata"]["name"].text();
  const Spot type = spec["type"];
  if ((name == "exempt") != (type.text() == "Exempt"))
    type.invalid(Tree(type.text()), "type must be 'Exempt' if and only if name is 'exempt'");
  if (type.text() == "Exempt") {
    if (spec["limited"].is_set()) spec["limited"].forbidden("must be nil if the type is not Limited");
    exempt(spec["exempt"]);
  } else if (type.text() == "Limited") {
    if (spec["exempt"].is_set()) spec["exempt"].forbidden("must be nil if the type is Limited");
    if (spec["limited"].is_set())
      limited(spec["limited"]);
    else
      spec["limited"].required("must not be empty when type is Limited");
  } else {
    type.not_supported(kLevelTypes);
  }
  fixed_level(spec, name);
  check_conditions(object["status"]["conditions"]);
}

void check_status(const Spot& object, const Tree& /*before*/) {
  check_conditions(object["status"]["conditions"]);
}

constexpr std::string_view kGroup = "flowcontrol.apiserver.k8s.io";
constexpr KindRules kRules[] = {
    {.group = kGroup,
     .kind = "FlowSchema",
     .counts_generations = true,
     .check = check_schema,
     .check_status = check_status},
    {.group = kGroup,
     .kind = "PriorityLevelConfiguration",
     .counts_generations = true,
     .check = check_level,
     .check_status = check_status},
};

}  // namespace

std::span<const KindRules> flow_control_rules() { return kRules; }

}  // namespace gantry::kube::rules
