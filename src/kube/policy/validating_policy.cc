// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/validating_policy.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/trim.h"
#include "kube/api/tree_lists.h"

namespace gantry::kube::admission {
namespace {

constexpr std::size_t kMessageBytes = 5 * 1024;  // of a message that was computed
constexpr std::size_t kAnnotationBytes = 10 * 1024;

}  // namespace

ValidatingPolicy::ValidatingPolicy(const json::Tree& object) : Policy(object) {
  const json::Tree& spec = member_of(object, "spec");
  const cel::Environment known = environment();
  for (const json::Tree& validation : list_of(spec, "validations")) {
    std::optional<Expression> message;
    if (const std::string_view text = validation.text_at("messageExpression"); !text.empty())
      message = compile_expression(text, known);
    Expression expression = compile_condition(validation.text_at("expression"), known);
    validations_.push_back({.expression = std::move(expression),
                            .message_expression = std::move(message),
                            .message = std::string(trimmed(validation.text_at("message"))),
                            .reason = std::string(validation.text_at("reason"))});
  }
  for (const json::Tree& annotation : list_of(spec, "auditAnnotations"))
    annotations_.push_back({std::string(annotation.text_at("key")),
                            compile_expression(annotation.text_at("valueExpression"), known)});
  uses_namespace_ = uses(Name::NamespaceObject);
}

bool ValidatingPolicy::uses(Name name) const {
  const auto does = [&](const Expression& expression) { return expression.uses(name); };
  return variables().use(name) ||
         std::ranges::any_of(validations_,
                             [&](const Validation& one) {
                               return does(one.expression) ||
                                      (one.message_expression && does(*one.message_expression));
                             }) ||
         std::ranges::any_of(annotations_, [&](const Annotation& one) { return does(one.expression); });
}

std::vector<Cause> ValidatingPolicy::faults() const {
  std::vector<Cause> causes = common_faults();
  for (std::size_t i = 0; i < validations_.size(); ++i) {
    add_fault(causes, fmt::format("spec.validations[{}].expression", i), validations_[i].expression);
    if (validations_[i].message_expression)
      add_fault(causes, fmt::format("spec.validations[{}].messageExpression", i),
                *validations_[i].message_expression);
  }
  for (std::size_t i = 0; i < annotations_.size(); ++i)
    add_fault(causes, fmt::format("spec.auditAnnotations[{}].valueExpression", i),
              annotations_[i].expression);
  return causes;
}

PolicyVerdict ValidatingPolicy::judge(const RequestView& view, const ObjectSource& objects,
                                      const cel::Authorizer& authorizer, const json::Tree* params) const {
  PolicyVerdict verdict;
  RequestValues values(view, objects, authorizer, params, uses_namespace_);
  const auto applies_here = applies(values);
  if (!applies_here && fails_closed()) verdict.denials.push_back({.message = applies_here.error().message()});
  if (!applies_here || !*applies_here) return verdict;
  cel::Budget budget;
  const VariableValues known(variables(), values, budget);
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
  const auto result = evaluate(validation.expression, values, budget);
  if (!result) {
    if (!fails_closed()) return {};
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
  const auto result = evaluate(*validation.message_expression, values, budget);
  if (!result || result->kind() != cel::Kind::String) return {};
  const std::string_view text = trimmed(result->text());
  if (text.empty() || text.size() > kMessageBytes || text.find('\n') != std::string_view::npos) return {};
  return std::string(text);
}

void ValidatingPolicy::annotate(PolicyVerdict& verdict, RequestValues& values, cel::Budget& budget) const {
  for (const Annotation& annotation : annotations_) {
    const auto result = evaluate(annotation.expression, values, budget);
    if (!result) {
      if (fails_closed()) verdict.annotation_errors.push_back(result.error().message());
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

}  // namespace gantry::kube::admission
