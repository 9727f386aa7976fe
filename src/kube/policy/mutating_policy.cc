// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/mutating_policy.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kube/api/tree_lists.h"
#include "kube/patch/json_patch.h"
#include "kube/patch/typed_fields.h"
#include "kube/schema/decode.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;

// Objects that an expression made are named by where they stand: in Object.spec{selector: ...} an
// Object.spec.selector. `path`: where `value` stands. The first that is not.
Result<void> check_type_names(const cel::Value& value, const std::string& path, cel::Memory& memory) {
  if (const std::string_view name = value.made_type(); !name.empty() && name != path)
    return error(Code::InvalidArgument,
                 "type mismatch: unexpected type name \"{}\", expected \"{}\", which matches field name path "
                 "from root Object type",
                 name, path);
  if (value.kind() == cel::Kind::List)
    for (std::size_t i = 0; i < value.count(); ++i)
      TRY(check_type_names(value.element(i, memory), path, memory));
  if (value.kind() != cel::Kind::Map && value.kind() != cel::Kind::Object) return {};
  for (std::size_t i = 0; i < value.count(); ++i) {
    const bool is_made = !value.made_type().empty();
    const std::string below = is_made ? fmt::format("{}.{}", path, value.key(i, memory).text()) : path;
    TRY(check_type_names(value.value(i, memory), below, memory));
  }
  return {};
}

Result<Tree> as_json(const cel::Value& value, cel::Memory& memory) {
  auto tree = cel::to_tree(value, memory);
  if (!tree) return error(Code::InvalidArgument, "expression evaluated to what could not be made JSON");
  return std::move(*tree);
}

// Server-side apply without owners: what the policy says is set, whoever has set it otherwise.
Result<Tree> apply_configuration(const cel::Value& value, const Tree& object, const Type& type,
                                 cel::Memory& memory) {
  Tree applied = TRY(as_json(value, memory));
  TRY(check_type_names(value, std::string(cel::kObjectType), memory));
  for (const char* key : {"apiVersion", "kind"}) applied.object()[key] = member_of(object, key);
  auto decoded = decode_tree(type, std::move(applied), FieldValidation::Strict);
  if (!decoded)
    return error(Code::InvalidArgument,
                 "error applying patch: failed to convert patch object to typed object: {}",
                 decoded.error()->message);
  if (const auto fault = key_fault(type, decoded->object))
    return error(Code::InvalidArgument,
                 "error applying patch: failed to convert patch object to typed object: {}", *fault);
  if (const auto atomic = atomic_places(type, decoded->object); !atomic.empty())
    return error(Code::InvalidArgument,
                 "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or "
                 "structs: {}",
                 fmt::join(atomic, ", "));
  return merge_fields(type, object, std::move(decoded->object));
}

Result<std::optional<Tree>> patch_by_operations(const cel::Value& value, const Tree& object,
                                                cel::Memory& memory) {
  const Tree patch = TRY(as_json(value, memory));
  for (std::size_t i = 0; i < value.count(); ++i) {
    const auto given = value.element(i, memory).find_field("value", memory);
    if (given && !given->made_type().empty())
      TRY(check_type_names(*given, std::string(given->made_type()), memory));
  }
  auto patched = apply_tested_json_patch(object, patch);
  if (!patched) return error(Code::InvalidArgument, "JSON Patch: {}", patched.error()->message);
  return std::move(*patched);
}

}  // namespace

MutatingPolicy::MutatingPolicy(const Tree& object)
    : Policy(object), is_reinvoked_(object.text_at("spec", "reinvocationPolicy") == "IfNeeded") {
  cel::Environment known = environment();
  known.allow_patches();
  for (const Tree& mutation : list_of(member_of(object, "spec"), "mutations"))
    mutations_.push_back(compile(mutation, known));
  uses_namespace_ =
      variables().use(Name::NamespaceObject) || std::ranges::any_of(mutations_, [](const Mutation& one) {
        return one.expression.uses(Name::NamespaceObject);
      });
}

MutatingPolicy::Mutation MutatingPolicy::compile(const Tree& mutation, const cel::Environment& environment) {
  const bool is_apply = mutation.text_at("patchType") == "ApplyConfiguration";
  const char* const said = is_apply ? "applyConfiguration" : "jsonPatch";
  Expression expression = compile_expression(mutation.text_at(said, "expression"), environment);
  const std::string wanted =
      is_apply ? std::string(cel::kObjectType) : fmt::format("list({})", cel::kJsonPatchType);
  if (expression.program && expression.program->result_type() != wanted)
    expression.program = error(Code::InvalidArgument, "must evaluate to {} but got {}", wanted,
                               expression.program->result_type());
  return {is_apply, std::move(expression)};
}

Result<std::optional<Tree>> MutatingPolicy::mutate(std::size_t mutation, const RequestView& view,
                                                   const Type& type, RequestValues& values) const {
  const Mutation& one = mutations_[mutation];
  cel::Budget budget;
  const VariableValues known(variables(), values, budget);
  const cel::Value value = TRY(evaluate(one.expression, values, budget));
  if (!one.is_apply) return patch_by_operations(value, view.object(), values.memory());
  return std::optional(TRY(apply_configuration(value, view.object(), type, values.memory())));
}

std::vector<Cause> MutatingPolicy::faults() const {
  std::vector<Cause> causes = common_faults();
  for (std::size_t i = 0; i < mutations_.size(); ++i)
    add_fault(causes,
              fmt::format("spec.mutations[{}].{}.expression", i,
                          mutations_[i].is_apply ? "applyConfiguration" : "jsonPatch"),
              mutations_[i].expression);
  return causes;
}

}  // namespace gantry::kube::admission
