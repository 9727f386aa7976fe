// SPDX-License-Identifier: Apache-2.0
//
// ValidatingAdmissionPolicy, MutatingAdmissionPolicy and what binds them. Whether their expressions compile
// is for kube/policy to see.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/lower_case.h"
#include "base/trim.h"
#include "kube/cel/identifier.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/match_rules.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kMutatedOperations[] = {"*", "CREATE", "UPDATE"};
constexpr std::string_view kActions[] = {"Audit", "Deny", "Warn"};
constexpr std::string_view kReasons[] = {"Forbidden", "Invalid", "RequestEntityTooLarge"};
constexpr std::string_view kWithoutParams[] = {"Deny", "Allow"};
constexpr std::string_view kPatchTypes[] = {"ApplyConfiguration", "JSONPatch"};
constexpr std::size_t kAnnotations = 20;
constexpr std::size_t kAnnotationExpression = 5 << 10;  // bytes

std::string joined(const Faults& faults) { return fmt::format("{}", fmt::join(faults, ",")); }

// "apps/v1": of the core group there is a version alone.
void param_version(const Spot& version) {
  const std::string_view text = version.text();
  if (text.empty()) return version.required();
  if (std::ranges::count(text, '/') > 1)
    return version.invalid(fmt::format("unexpected GroupVersion string: {}", text));
  const std::size_t slash = text.find('/');
  const std::string_view group = slash == std::string_view::npos ? "" : text.substr(0, slash);
  const std::string_view number = slash == std::string_view::npos ? text : text.substr(slash + 1);
  if (!group.empty())
    if (const Faults faults = dns_subdomain_faults(group); !faults.empty())
      version.invalid(Tree(group), joined(faults));
  if (number.empty()) return version.invalid("version must be specified");
  if (const Faults faults = dns_1035_label_faults(number); !faults.empty())
    version.invalid(Tree(number), joined(faults));
}

void param_kind(const Spot& kind) {
  if (!kind.is_set()) return;
  param_version(kind["apiVersion"]);
  const Spot name = kind["kind"];
  if (name.text().empty()) return name.required();
  if (const Faults faults = dns_1035_label_faults(in_lower_case(name.text())); !faults.empty())
    name.invalid("may have mixed case, but should otherwise match: " + joined(faults));
}

void param_ref(const Spot& ref) {
  if (!ref.is_set()) return;
  constexpr std::string_view kOneOnly = "name and selector are mutually exclusive";
  const Spot name = ref["name"];
  const Spot selector = ref["selector"];
  const bool has_name = !name.text().empty();
  if (has_name) name.invalid_for(path_segment_faults(name.text()));
  if (has_name && selector.is_set()) name.forbidden(kOneOnly);
  label_selector(selector);
  if (has_name && selector.is_set()) selector.forbidden(kOneOnly);
  if (!has_name && !selector.is_set()) ref.required("one of name or selector must be specified");
  one_of(ref["parameterNotFoundAction"], kWithoutParams);
}

// What both kinds of policies say of the requests that they are for.
void constraints(const Spot& spec) {
  required(spec["failurePolicy"]);
  failure_policy(spec["failurePolicy"]);
  param_kind(spec["paramKind"]);
  const Spot matched = spec["matchConstraints"];
  if (!matched.is_set()) return matched.required();
  match_resources(matched);
  // They say what types the objects have.
  required(matched["resourceRules"]);
}

void variable(const Spot& variable) {
  const Spot name = variable["name"];
  if (!says_something(name))
    name.required("name is not specified");
  else if (!cel::is_identifier(name.text()))
    name.invalid("name is not a valid CEL identifier");
  if (!says_something(variable["expression"])) variable["expression"].required("expression is not specified");
}

void validation(const Spot& validation) {
  if (!says_something(validation["expression"]))
    validation["expression"].required("expression is not specified");
  const Spot computed = validation["messageExpression"];
  if (!computed.text().empty() && !says_something(computed))
    computed.invalid("must be non-empty if specified");
  const Spot message = validation["message"];
  if (!message.text().empty() && !says_something(message))
    message.invalid("message must be non-empty if specified");
  else if (trimmed(message.text()).find_first_of("\r\n") != std::string_view::npos)
    message.invalid("message must not contain line breaks");
  one_of_if_set(validation["reason"], kReasons);
}

void audit_annotations(const Spot& annotations, std::string_view policy) {
  if (annotations.size() > kAnnotations)
    annotations.invalid(fmt::format("must not have more than {} auditAnnotations", kAnnotations));
  std::set<std::string_view> keys;
  annotations.each([&](const Spot& annotation) {
    const Spot key = annotation["key"];
    const std::string whole = fmt::format("{}/{}", policy, key.text());
    for (const std::string& fault : label_key_faults(whole)) key.invalid(Tree(whole), fault);
    const Spot expression = annotation["valueExpression"];
    if (!says_something(expression))
      expression.required("valueExpression is not specified");
    else if (trimmed(expression.text()).size() > kAnnotationExpression)
      expression.required(fmt::format("must not exceed {} bytes in length", kAnnotationExpression));
    if (!keys.insert(key.text()).second) key.duplicate();
  });
}

void check_validating(const Spot& object) {
  const Spot spec = object["spec"];
  constraints(spec);
  match_conditions(spec["matchConditions"]);
  spec["variables"].each(variable);
  const Spot annotations = spec["auditAnnotations"];
  if (spec["validations"].size() + annotations.size() == 0) {
    constexpr std::string_view kWhy = "validations or auditAnnotations must contain at least one item";
    spec["validations"].required(kWhy);
    return annotations.required(kWhy);
  }
  spec["validations"].each(validation);
  audit_annotations(annotations, object["metadata"]["name"].text());
}

void check_validating_status(const Spot& object, const Tree& /*before*/) {
  const Spot status = object["status"];
  status["typeChecking"]["expressionWarnings"].each([](const Spot& warning) {
    required(warning["warning"]);
    if (!says_something(warning["fieldRef"])) warning["fieldRef"].required();
  });
  conditions(status["conditions"]);
}

// Deletes and connects have nothing that could be changed.
void mutated_operations(const Spot& matched) {
  const Spot shown = matched["resourceRules"]["operations"];
  for (const Tree& rule : matched["resourceRules"].value().array())
    if (const Tree* operations = rule.find("operations"))
      for (const Tree& operation : operations->array())
        if (std::ranges::find(kMutatedOperations, operation.as_string()) == std::end(kMutatedOperations))
          shown.not_supported(operation, kMutatedOperations);
}

struct PatchField {
  std::string_view type;
  const char* field;
};
constexpr PatchField kPatchFields[] = {{"JSONPatch", "jsonPatch"},
                                       {"ApplyConfiguration", "applyConfiguration"}};

void mutation(const Spot& mutation) {
  const Spot type = mutation["patchType"];
  one_of(type, kPatchTypes);
  if (std::ranges::find(kPatchTypes, type.text()) == std::end(kPatchTypes)) return;
  for (const PatchField& known : kPatchFields) {
    const Spot patch = mutation[known.field];
    if (known.type != type.text()) {
      if (patch.is_set())
        patch.invalid(Tree(fmt::format("{{{}}}", known.field)),
                      fmt::format("must not be specified when patchType is {}", type.text()));
    } else if (!patch.is_set()) {
      patch.required(fmt::format("must be specified when patchType is {}", type.text()));
    } else if (!says_something(patch["expression"])) {
      patch["expression"].required();
    }
  }
}

void check_mutating(const Spot& object) {
  const Spot spec = object["spec"];
  constraints(spec);
  mutated_operations(spec["matchConstraints"]);
  match_conditions(spec["matchConditions"]);
  spec["variables"].each(variable);
  required(spec["mutations"], "mutations must contain at least one item");
  spec["mutations"].each(mutation);
  required(spec["reinvocationPolicy"]);
  reinvocation_policy(spec["reinvocationPolicy"]);
}

// ---- Bindings

void binding(const Spot& spec) {
  named(spec["policyName"], dns_subdomain_faults);
  param_ref(spec["paramRef"]);
  if (spec["matchResources"].is_set()) match_resources(spec["matchResources"]);
}

void actions(const Spot& actions) {
  std::set<std::string_view> seen;
  actions.each([&](const Spot& action) {
    one_of_if_set(action, kActions);
    if (!seen.insert(action.text()).second) action.duplicate();
  });
  if (seen.contains("Deny") && seen.contains("Warn"))
    actions.invalid(
        "must not contain both Deny and Warn (repeating the same validation failure information in the API "
        "response and headers serves no purpose)");
  if (seen.empty()) actions.required("at least one validation action is required");
}

void check_validating_binding(const Spot& object) {
  binding(object["spec"]);
  actions(object["spec"]["validationActions"]);
}

void check_mutating_binding(const Spot& object) {
  binding(object["spec"]);
  mutated_operations(object["spec"]["matchResources"]);
}

constexpr std::string_view kGroup = "admissionregistration.k8s.io";
constexpr KindRules kRules[] = {
    {.group = kGroup, .kind = "MutatingAdmissionPolicy", .counts_generations = true, .check = check_mutating},
    {.group = kGroup,
     .kind = "MutatingAdmissionPolicyBinding",
     .counts_generations = true,
     .check = check_mutating_binding},
    {.group = kGroup,
     .kind = "ValidatingAdmissionPolicy",
     .counts_generations = true,
     .check = check_validating,
     .check_status = check_validating_status},
    {.group = kGroup,
     .kind = "ValidatingAdmissionPolicyBinding",
     .counts_generations = true,
     .check = check_validating_binding},
};

}  // namespace

std::span<const KindRules> admission_policy_rules() { return kRules; }

}  // namespace gantry::kube::rules
