// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/policy_binding.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/api/tree_lists.h"
#include "kube/schema/catalog.h"

namespace gantry::kube::admission {

PolicyBinding::PolicyBinding(const json::Tree& object)
    : name_(object.text_at("metadata", "name")),
      policy_(object.text_at("spec", "policyName")),
      match_(
          RequestMatch::from_tree(member_of(member_of(object, "spec"), "matchResources"), "resourceRules")),
      actions_(member_of(member_of(object, "spec"), "validationActions")) {
  if (const json::Tree* ref = object.find("spec", "paramRef"); ref != nullptr && !ref->is_null())
    param_ref_ = *ref;
}

bool PolicyBinding::has_action(std::string_view action) const {
  return std::ranges::any_of(actions_.array(),
                             [&](const json::Tree& one) { return one.as_string() == action; });
}

Result<std::vector<json::Tree>> PolicyBinding::params(const Policy& policy, const ObjectSource& objects,
                                                      const std::string& name_space) const {
  std::vector<json::Tree> none(1);
  if (!policy.has_params() || !param_ref_) return none;
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
    auto selector = LabelSelector::from_tree(member_of(*param_ref_, "selector"));
    if (!selector) return error(Code::InvalidArgument, "{}", selector.error()->message);
    for (json::Tree& object : objects.list(kind.stored_as, from))
      if (selector->matches(member_of(member_of(object, "metadata"), "labels")))
        found.push_back(std::move(object));
  }
  if (found.empty() && param_ref_->text_at("parameterNotFoundAction") == "Deny")
    return error(Code::NotFound, "no params found for policy binding with `Deny` parameterNotFoundAction");
  return found;
}

}  // namespace gantry::kube::admission
