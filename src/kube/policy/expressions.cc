// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/expressions.h"

#include <fmt/format.h>

#include "kube/cel/field_cause.h"

namespace gantry::kube::admission {
namespace {

constexpr std::string_view kOutOfBudget =
    "validation failed due to running out of cost budget, no further validation rules will be run";

// What `request` has: AdmissionRequest without its objects.
struct RequestTypes {
  cel::TypeArena arena;
  const cel::Type* request = nullptr;

  RequestTypes() {
    const cel::Type* text = cel::basic(cel::Kind::String);
    const cel::Type* kind =
        object("kubernetes.GroupVersionKind", {{"group", text}, {"kind", text}, {"version", text}});
    const cel::Type* resource =
        object("kubernetes.GroupVersionResource", {{"group", text}, {"resource", text}, {"version", text}});
    const cel::Type* texts = arena.list_of(text);
    const cel::Type* user =
        object("kubernetes.UserInfo",
               {{"extra", arena.map_of(text, texts)}, {"groups", texts}, {"uid", text}, {"username", text}});
    request = object("kubernetes.AdmissionRequest", {{"dryRun", cel::basic(cel::Kind::Bool)},
                                                     {"kind", kind},
                                                     {"name", text},
                                                     {"namespace", text},
                                                     {"operation", text},
                                                     {"options", cel::basic(cel::Kind::Dyn)},
                                                     {"requestKind", kind},
                                                     {"requestResource", resource},
                                                     {"requestSubResource", text},
                                                     {"resource", resource},
                                                     {"subResource", text},
                                                     {"userInfo", user}});
  }

 private:
  const cel::Type* object(std::string name, std::vector<std::pair<std::string, const cel::Type*>> fields) {
    cel::Type type{.kind = cel::Kind::Object, .name = std::move(name)};
    for (auto& [field, of] : fields) type.fields.push_back({field, field, of});
    return arena.add(std::move(type));
  }
};

const RequestTypes& request_types() {
  static const RequestTypes kTypes;
  return kTypes;
}

}  // namespace

cel::Environment environment_for(const KnownTypes& known, const cel::Type* variables) {
  const cel::Type* any = cel::basic(cel::Kind::Dyn);
  const cel::Type* object = known.object == nullptr ? any : known.object;
  cel::Environment environment;
  environment.declare("object", object)
      .declare("oldObject", object)
      .declare("request", request_types().request)
      .declare("namespaceObject", any)
      .declare("authorizer", cel::basic(cel::Kind::Authorizer))
      .declare("authorizer.requestResource", cel::basic(cel::Kind::ResourceCheck));
  // Numbers stay the same whether there is such a variable or not; nobody can write these names.
  environment.declare(known.has_params ? "params" : "@params", known.params == nullptr ? any : known.params);
  environment.declare(variables != nullptr ? "variables" : "@variables",
                      variables != nullptr ? variables : any);
  return environment;
}

cel::Authorizer::Decision AccessQuestions::decide(const AccessRequest& request) const {
  kube::Decision decision = authorizer_.decide(request);
  return {decision.is_allowed(), std::move(decision.reason), std::move(decision.problem)};
}

RequestValues::RequestValues(const RequestView& view, const ObjectSource& objects,
                             const cel::Authorizer& authorizer, const json::Tree* params,
                             bool has_namespace) {
  const AdmissionRequest& request = view.request();
  at(Name::Object) = cel::Value::of_tree(view.object(), nullptr, memory_);
  at(Name::OldObject) = cel::Value::of_tree(view.old_object(), nullptr, memory_);
  at(Name::Request) = cel::Value::of_tree(view.fields(), request_types().request, memory_);
  if (has_namespace) set_namespace(view, objects);
  if (params != nullptr) at(Name::Params) = cel::Value::of_tree(*params, nullptr, memory_);
  at(Name::Authorizer) = cel::value_of(authorizer, request.user, memory_);
  access_ = {.user = request.user,
             .group = request.resource.kind.group,
             .resource = request.resource.plural,
             .subresource = request.subresource,
             .name_space = request.name_space,
             .name = request.name};
  at(Name::RequestResource) = cel::value_of(authorizer, access_, memory_);
}

// Without what is not for policies to see: who wrote which field, and who owns it.
void RequestValues::set_namespace(const RequestView& view, const ObjectSource& objects) {
  const AdmissionRequest& request = view.request();
  if (request.name_space.empty() || request.is_about("", "namespaces")) return;
  namespace_ = objects.get("namespaces", "", request.name_space);
  if (!namespace_) return;
  json::TreeObject& metadata = namespace_->object()["metadata"].object();
  metadata.erase("managedFields");
  metadata.erase("ownerReferences");
  at(Name::NamespaceObject) = cel::Value::of_tree(*namespace_, nullptr, memory_);
}

Expression compile_expression(std::string_view text, const cel::Environment& environment) {
  auto program = cel::compile(text, environment);
  if (!program) program = error(Code::InvalidArgument, "compilation failed: {}", program.error().message());
  return {std::string(text), std::move(program)};
}

Expression compile_condition(std::string_view text, const cel::Environment& environment) {
  Expression expression = compile_expression(text, environment);
  const cel::Kind kind = expression.program ? expression.program->result_kind() : cel::Kind::Dyn;
  if (kind != cel::Kind::Bool && kind != cel::Kind::Dyn)
    expression.program = error(Code::InvalidArgument, "must evaluate to bool");
  return expression;
}

Result<cel::Value> evaluate(const Expression& expression, RequestValues& values, cel::Budget& budget) {
  if (!expression.program)
    return error(Code::InvalidArgument, "compilation error: {}", expression.program.error().message());
  const cel::Value result = expression.program->evaluate(values.values(), budget, values.memory());
  if (budget.is_exhausted) return error(Code::ResourceExhausted, "{}", kOutOfBudget);
  if (result.is_error())
    return error(Code::InvalidArgument, "expression '{}' resulted in error: {}", expression.text,
                 result.text());
  return result;
}

void add_fault(std::vector<Cause>& causes, std::string path, const Expression& expression) {
  if (!expression.program)
    causes.push_back(cel::invalid_field(std::move(path), json::Tree(expression.text),
                                        expression.program.error().message()));
}

MatchConditions::MatchConditions(const json::Tree* conditions, bool has_params) {
  if (conditions == nullptr) return;
  const cel::Environment environment = environment_for({.has_params = has_params}, nullptr);
  for (const json::Tree& condition : conditions->array())
    conditions_.push_back(compile_condition(condition.text_at("expression"), environment));
}

void MatchConditions::add_faults(std::vector<Cause>& causes, const std::string& path) const {
  for (std::size_t i = 0; i < conditions_.size(); ++i)
    add_fault(causes, fmt::format("{}[{}].expression", path, i), conditions_[i]);
}

Result<bool> MatchConditions::hold(RequestValues& values) const {
  cel::Budget budget{.left = cel::kCostOfMatchConditions};
  std::optional<Error> problem;
  for (const Expression& condition : conditions_) {
    auto result = evaluate(condition, values, budget);
    if (result && result->is_false()) return false;
    if (budget.is_exhausted) return std::move(result).error();
    if (!result && !problem) problem = std::move(result).error();
  }
  if (problem) return std::move(*problem);
  return true;
}

}  // namespace gantry::kube::admission
