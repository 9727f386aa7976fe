// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/validating_policy.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/trim.h"
#include "kube/cel/field_cause.h"
#include "kube/schema/catalog.h"

namespace gantry::kube::admission {
namespace {

constexpr std::size_t kMessageBytes = 5 * 1024;  // of a message that was computed
constexpr std::size_t kAnnotationBytes = 10 * 1024;

const json::Tree& member(const json::Tree& tree, std::string_view key) {
  static const json::Tree kNone;
  const json::Tree* found = tree.find(key);
  return found == nullptr ? kNone : *found;
}

// Variables are known by their kind; what lists and maps of them hold is known when they run.
const cel::Type* type_of(const Result<cel::Program>& program) {
  const bool is_known =
      program && program->result_kind() != cel::Kind::Object && program->result_kind() != cel::Kind::Param;
  return cel::basic(is_known ? program->result_kind() : cel::Kind::Dyn);
}

}  // namespace

// Each variable is evaluated when it is first asked for, at the cost of who asks; those that it needs before
// it, so that a long chain of them is no deep recursion.
class ValidatingPolicy::Variables final : public cel::LazyFields {
 public:
  Variables(const std::vector<Variable>& variables, RequestValues& values, cel::Budget& budget)
      : variables_(variables), values_(values), budget_(budget), known_(variables.size()) {
    values.set_variables(this);
  }

  cel::Value field(std::string_view name) const override {
    const auto found = std::ranges::find(variables_, name, &Variable::name);
    if (found == variables_.end())
      return cel::Value::of_error(fmt::format("no such key: {}", name), values_.memory());
    const auto index = static_cast<std::size_t>(found - variables_.begin());
    if (!known_[index]) evaluate_with_needs(index);
    return *known_[index];
  }

 private:
  void evaluate_with_needs(std::size_t index) const {
    std::vector<bool> needed(index + 1);
    needed[index] = true;
    for (std::size_t i = index + 1; i-- > 0;)
      if (needed[i] && !known_[i])
        for (const std::size_t need : variables_[i].needs) needed[need] = true;
    for (std::size_t i = 0; i <= index; ++i)
      if (needed[i] && !known_[i]) known_[i] = evaluate_one(variables_[i]);
  }

  cel::Value evaluate_one(const Variable& variable) const {
    auto result = evaluate(variable.expression.program, variable.expression.text, values_, budget_);
    if (result) return *result;
    return cel::Value::of_error(fmt::format("composited variable \"{}\" fails to evaluate: {}", variable.name,
                                            result.error().message()),
                                values_.memory());
  }

  const std::vector<Variable>& variables_;
  RequestValues& values_;
  cel::Budget& budget_;
  mutable std::vector<std::optional<cel::Value>> known_;
};

ValidatingPolicy::ValidatingPolicy(const json::Tree& object)
    : name_(object.text_at("metadata", "name")),
      fails_closed_(object.text_at("spec", "failurePolicy") != "Ignore"),
      param_api_version_(object.text_at("spec", "paramKind", "apiVersion")),
      param_kind_(object.text_at("spec", "paramKind", "kind")),
      match_(RequestMatch::from_tree(member(member(object, "spec"), "matchConstraints"), "resourceRules")),
      conditions_(object.find("spec", "matchConditions"), !param_kind_.empty()) {
  const json::Tree& spec = member(object, "spec");
  cel::Type variables{.kind = cel::Kind::Object, .name = "kubernetes.variables"};
  environment_ = environment_for(!param_kind_.empty(), &variables);
  compile_variables(spec, variables);
  for (const json::Tree& validation : member(spec, "validations").array()) {
    std::optional<Expression> message;
    if (!validation.text_at("messageExpression").empty())
      message = compile(validation.text_at("messageExpression"));
    validations_.push_back({.expression = compile(validation.text_at("expression")),
                            .message_expression = std::move(message),
                            .message = std::string(trimmed(validation.text_at("message"))),
                            .reason = std::string(validation.text_at("reason"))});
  }
  for (const json::Tree& annotation : member(spec, "auditAnnotations").array())
    annotations_.push_back(
        {std::string(annotation.text_at("key")), compile(annotation.text_at("valueExpression"))});
  environment_ = {};
  uses_namespace_ = uses(Name::NamespaceObject);
}

// Each sees those before it.
void ValidatingPolicy::compile_variables(const json::Tree& spec, cel::Type& type) {
  for (const json::Tree& variable : member(spec, "variables").array()) {
    std::string name(variable.text_at("name"));
    Expression expression = compile(variable.text_at("expression"));
    std::vector<std::size_t> needs;
    for (std::size_t i = 0; i < variables_.size(); ++i)
      if (expression.program && expression.program->selects(variables_[i].name)) needs.push_back(i);
    variables_.push_back({name, std::move(expression), std::move(needs)});
    const auto place = std::ranges::lower_bound(type.fields, name, {}, &cel::TypeField::name);
    type.fields.insert(place, {name, name, type_of(variables_.back().expression.program)});
  }
}

ValidatingPolicy::Expression ValidatingPolicy::compile(std::string_view text) const {
  return {std::string(text), cel::compile(text, environment_)};
}

bool ValidatingPolicy::uses(Name name) const {
  const auto does = [&](const Expression& expression) {
    return expression.program && expression.program->uses(static_cast<std::size_t>(name));
  };
  return std::ranges::any_of(variables_, [&](const Variable& one) { return does(one.expression); }) ||
         std::ranges::any_of(validations_,
                             [&](const Validation& one) {
                               return does(one.expression) ||
                                      (one.message_expression && does(*one.message_expression));
                             }) ||
         std::ranges::any_of(annotations_, [&](const Annotation& one) { return does(one.expression); });
}

std::vector<Cause> ValidatingPolicy::faults() const {
  std::vector<Cause> causes;
  const auto add = [&](std::string path, const Expression& expression) {
    if (!expression.program)
      causes.push_back(
          cel::invalid_field(std::move(path), json::Tree(expression.text),
                             fmt::format("compilation failed: {}", expression.program.error().message())));
  };
  const auto add_wrong_kind = [&](std::string path, const Expression& expression) {
    const cel::Kind kind = expression.program ? expression.program->result_kind() : cel::Kind::Dyn;
    if (kind != cel::Kind::Bool && kind != cel::Kind::Dyn)
      causes.push_back(
          cel::invalid_field(std::move(path), json::Tree(expression.text), "must evaluate to bool"));
  };
  for (const auto& [index, message] : conditions_.faults())
    causes.push_back(cel::invalid_field(fmt::format("spec.matchConditions[{}].expression", index), message));
  for (std::size_t i = 0; i < variables_.size(); ++i)
    add(fmt::format("spec.variables[{}].expression", i), variables_[i].expression);
  for (std::size_t i = 0; i < validations_.size(); ++i) {
    add(fmt::format("spec.validations[{}].expression", i), validations_[i].expression);
    add_wrong_kind(fmt::format("spec.validations[{}].expression", i), validations_[i].expression);
    if (validations_[i].message_expression)
      add(fmt::format("spec.validations[{}].messageExpression", i), *validations_[i].message_expression);
  }
  for (std::size_t i = 0; i < annotations_.size(); ++i)
    add(fmt::format("spec.auditAnnotations[{}].valueExpression", i), annotations_[i].expression);
  return causes;
}

PolicyVerdict ValidatingPolicy::judge(const RequestView& view, const ObjectSource& objects,
                                      const cel::Authorizer& authorizer, const json::Tree* params) const {
  PolicyVerdict verdict;
  RequestValues values(view, objects, authorizer, params, uses_namespace_);
  if (!conditions_.is_empty()) {
    auto holds = conditions_.hold(values);
    if (!holds && fails_closed_) verdict.denials.push_back({.message = holds.error().message()});
    if (!holds || !*holds) return verdict;
  }
  cel::Budget budget;
  const Variables variables(variables_, values, budget);
  for (std::size_t i = 0; i < validations_.size(); ++i) {
    if (auto finding = judge(validations_[i], i, values, budget))
      verdict.denials.push_back(std::move(*finding));
    if (budget.is_exhausted) return verdict;
  }
  annotate(verdict, values, budget);
  return verdict;
}

std::optional<PolicyFinding> ValidatingPolicy::judge(const Validation& validation, std::size_t index,
                                                     RequestValues& values, cel::Budget& budget) const {
  const auto result = evaluate(validation.expression.program, validation.expression.text, values, budget);
  if (!result) {
    if (!fails_closed_) return {};
    return PolicyFinding{.index = index, .message = result.error().message()};
  }
  if (result->is_true()) return {};
  PolicyFinding finding{.index = index, .reason = validation.reason};
  if (auto message = computed_message(validation, values, budget))
    finding.message = std::move(*message);
  else if (!validation.message.empty())
    finding.message = validation.message;
  else
    finding.message = fmt::format("failed expression: {}", trimmed(validation.expression.text));
  return finding;
}

std::optional<std::string> ValidatingPolicy::computed_message(const Validation& validation,
                                                              RequestValues& values,
                                                              cel::Budget& budget) const {
  if (!validation.message_expression) return {};
  const auto result =
      evaluate(validation.message_expression->program, validation.message_expression->text, values, budget);
  if (!result || result->kind() != cel::Kind::String) return {};
  const std::string_view text = trimmed(result->text());
  if (text.empty() || text.size() > kMessageBytes || text.find('\n') != std::string_view::npos) return {};
  return std::string(text);
}

void ValidatingPolicy::annotate(PolicyVerdict& verdict, RequestValues& values, cel::Budget& budget) const {
  for (const Annotation& annotation : annotations_) {
    const auto result = evaluate(annotation.expression.program, annotation.expression.text, values, budget);
    if (!result) {
      if (fails_closed_) verdict.annotation_errors.push_back(result.error().message());
    } else if (result->kind() == cel::Kind::String) {
      const std::string_view text = trimmed(result->text()).substr(0, kAnnotationBytes);
      if (!text.empty()) verdict.audit_annotations.emplace_back(annotation.key, text);
    } else if (result->kind() != cel::Kind::Null) {
      verdict.annotation_errors.push_back(fmt::format(
          "valueExpression '{}' resulted in unsupported return type: {}. Return type must be either "
          "string or null.",
          annotation.expression.text, cel::name_of(result->kind())));
    }
  }
}

// ---- bindings

PolicyBinding::PolicyBinding(const json::Tree& object)
    : name_(object.text_at("metadata", "name")),
      policy_(object.text_at("spec", "policyName")),
      match_(RequestMatch::from_tree(member(member(object, "spec"), "matchResources"), "resourceRules")),
      actions_(member(member(object, "spec"), "validationActions")) {
  if (const json::Tree* ref = object.find("spec", "paramRef"); ref != nullptr && !ref->is_null())
    param_ref_ = *ref;
}

bool PolicyBinding::has_action(std::string_view action) const {
  return std::ranges::any_of(actions_.array(),
                             [&](const json::Tree& one) { return one.as_string() == action; });
}

Result<std::vector<json::Tree>> PolicyBinding::params(const ValidatingPolicy& policy,
                                                      const ObjectSource& objects,
                                                      const std::string& name_space) const {
  std::vector<json::Tree> none(1);
  if (policy.param_kind().empty() || !param_ref_) return none;
  const std::string_view api_version = policy.param_api_version();
  const std::size_t slash = api_version.find('/');
  const std::string_view group =
      slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
  const std::string_view version = api_version.substr(slash == std::string_view::npos ? 0 : slash + 1);
  if (const Resource* kind = Catalog::built_in().find_kind(group, version, policy.param_kind()))
    return find_params(*kind, objects, name_space);
  // A custom resource is stored below its own name, which its definition knows.
  for (const json::Tree& definition : objects.list("apiextensions.k8s.io/customresourcedefinitions", "")) {
    if (definition.text_at("spec", "group") != group ||
        definition.text_at("spec", "names", "kind") != policy.param_kind())
      continue;
    Resource kind;
    kind.is_namespaced = definition.text_at("spec", "scope") == "Namespaced";
    kind.stored_as = fmt::format("{}/{}", group, definition.text_at("spec", "names", "plural"));
    return find_params(kind, objects, name_space);
  }
  return error(Code::NotFound, "paramKind kind `{}, Kind={}` not known", api_version, policy.param_kind());
}

Result<std::vector<json::Tree>> PolicyBinding::find_params(const Resource& kind, const ObjectSource& objects,
                                                           const std::string& name_space) const {
  std::string from(param_ref_->text_at("namespace"));
  if (!kind.is_namespaced && !from.empty())
    return error(Code::InvalidArgument,
                 "paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
  if (kind.is_namespaced && from.empty()) from = name_space;
  if (kind.is_namespaced && from.empty())
    return error(Code::InvalidArgument,
                 "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
  std::vector<json::Tree> found;
  const std::string_view name = param_ref_->text_at("name");
  if (!name.empty()) {
    if (auto object = objects.get(kind.stored_as, from, name)) found.push_back(std::move(*object));
  } else {
    auto selector = LabelSelector::from_tree(member(*param_ref_, "selector"));
    if (!selector) return error(Code::InvalidArgument, "{}", selector.error()->message);
    for (json::Tree& object : objects.list(kind.stored_as, from))
      if (selector->matches(member(member(object, "metadata"), "labels"))) found.push_back(std::move(object));
  }
  if (found.empty() && param_ref_->text_at("parameterNotFoundAction") == "Deny")
    return error(Code::NotFound, "no params found for policy binding with `Deny` parameterNotFoundAction");
  return found;
}

}  // namespace gantry::kube::admission
