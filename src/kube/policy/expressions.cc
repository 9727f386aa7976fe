// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/expressions.h"

#include <algorithm>

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

cel::Environment environment_for(bool has_params, const cel::Type* variables) {
  const cel::Type* any = cel::basic(cel::Kind::Dyn);
  cel::Environment environment;
  environment.declare("object", any)
      .declare("oldObject", any)
      .declare("request", request_types().request)
      .declare("namespaceObject", any)
      .declare("authorizer", cel::basic(cel::Kind::Authorizer))
      .declare("authorizer.requestResource", cel::basic(cel::Kind::ResourceCheck));
  // Numbers stay the same whether there is such a variable or not; nobody can write these names.
  environment.declare(has_params ? "params" : "@params", any);
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

Result<cel::Value> evaluate(const Result<cel::Program>& program, std::string_view text, RequestValues& values,
                            cel::Budget& budget) {
  if (!program)
    return error(Code::InvalidArgument, "compilation error: compilation failed: {}",
                 program.error().message());
  const cel::Value result = program->evaluate(values.values(), budget, values.memory());
  if (budget.is_exhausted) return error(Code::ResourceExhausted, "{}", kOutOfBudget);
  if (result.is_error())
    return error(Code::InvalidArgument, "expression '{}' resulted in error: {}", text, result.text());
  return result;
}

MatchConditions::MatchConditions(const json::Tree* conditions, bool has_params) {
  if (conditions == nullptr) return;
  const cel::Environment environment = environment_for(has_params, nullptr);
  for (const json::Tree& condition : conditions->array()) {
    std::string text(condition.text_at("expression"));
    auto program = cel::compile(text, environment);
    if (program && program->result_kind() != cel::Kind::Bool && program->result_kind() != cel::Kind::Dyn)
      program = error(Code::InvalidArgument, "must evaluate to bool");
    conditions_.push_back({std::move(text), std::move(program)});
  }
}

std::vector<std::pair<std::size_t, std::string>> MatchConditions::faults() const {
  std::vector<std::pair<std::size_t, std::string>> found;
  for (std::size_t i = 0; i < conditions_.size(); ++i)
    if (!conditions_[i].program) found.emplace_back(i, conditions_[i].program.error().message());
  return found;
}

Result<bool> MatchConditions::hold(RequestValues& values) const {
  cel::Budget budget{.left = cel::kCostOfMatchConditions};
  std::optional<Error> problem;
  for (const Condition& condition : conditions_) {
    auto result = evaluate(condition.program, condition.text, values, budget);
    if (result && result->is_false()) return false;
    if (budget.is_exhausted) return std::move(result).error();
    if (!result && !problem) problem = std::move(result).error();
  }
  if (problem) return std::move(*problem);
  return true;
}

}  // namespace gantry::kube::admission
