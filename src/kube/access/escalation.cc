// SPDX-License-Identifier: Apache-2.0
#include "kube/access/escalation.h"
#include <fmt/format.h>

#include "kube/access/masters.h"

namespace gantry::kube {
namespace {

constexpr const char* kGroup = "rbac.authorization.k8s.io";

// What garbage collection writes gives nobody anything.
json::Tree without_bookkeeping(json::Tree object) {
  json::TreeObject& metadata = object.object()["metadata"].object();
  for (const char* field :
       {"ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation"})
    metadata.erase(field);
  return object;
}

bool is_same(const json::Tree* old, const json::Tree& now) {
  return old != nullptr && without_bookkeeping(*old) == without_bookkeeping(now);
}

bool may(const Authorizer& authorizer, const User& user, const char* verb, const RoleReference& role) {
  return authorizer
      .decide({.user = user,
               .verb = verb,
               .group = kGroup,
               .version = "v1",
               .resource = role.name_space.empty() ? "clusterroles" : "roles",
               .name_space = role.name_space,
               .name = role.name})
      .is_allowed();
}

std::string groups_text(const User& user) {
  std::string text;
  for (const std::string& group : user.groups)
    fmt::format_to(std::back_inserter(text), "{}\"{}\"", text.empty() ? "" : " ", group);
  return text;
}

Answer<void> check_held(const Rbac& rbac, const AccessRequest& request, std::string_view name,
                        std::span<const PolicyRule> granted) {
  const std::vector<PolicyRule> owned = rbac.rules_of(request.user, request.name_space);
  std::vector<PolicyRule> missing = not_covered(owned, granted);
  if (missing.empty()) return {};
  std::string text =
      fmt::format("user \"{}\" (groups=[{}]) is attempting to grant RBAC permissions not currently held:",
                  request.user.name, groups_text(request.user));
  for (const PolicyRule& rule : compact(std::move(missing))) text += fmt::format("\n{}", rule.text());
  return forbidden({kGroup, request.resource}, name, std::move(text));
}

const PolicyRule kEverything[] = {{.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}},
                                  {.verbs = {"*"}, .paths = {"*"}}};

}  // namespace

Answer<void> check_role_write(const Rbac& rbac, const Authorizer& authorizer, const AccessRequest& request,
                              const json::Tree* old, const json::Tree& role) {
  const std::string_view name = role.text_at("metadata", "name");
  if (is_master(request.user) || is_same(old, role) ||
      may(authorizer, request.user, "escalate", {request.name_space, std::string(name)}))
    return {};
  TRY(check_held(rbac, request, name, rules_from_tree(role.find("rules"))));
  // What an aggregation will bring together nobody knows yet.
  const json::Tree* aggregation = role.find("aggregationRule");
  const json::Tree* before = old == nullptr ? nullptr : old->find("aggregationRule");
  const bool is_new = aggregation != nullptr && (before == nullptr || !(*before == *aggregation));
  if (is_new && !aggregation->is_null()) return check_held(rbac, request, name, kEverything);
  return {};
}

Answer<void> check_binding_write(const Rbac& rbac, const Authorizer& authorizer, const AccessRequest& request,
                                 const json::Tree* old, const json::Tree& binding) {
  const bool is_of_cluster = binding.text_at("roleRef", "kind") == "ClusterRole";
  const RoleReference role = {is_of_cluster ? std::string() : request.name_space,
                              std::string(binding.text_at("roleRef", "name"))};
  if (is_master(request.user) || is_same(old, binding)) return {};
  // A ClusterRole that a RoleBinding names is bound in its namespace: there one needs the right.
  AccessRequest to_bind = {.user = request.user,
                           .verb = "bind",
                           .group = kGroup,
                           .version = "v1",
                           .resource = is_of_cluster ? "clusterroles" : "roles",
                           .name_space = request.name_space,
                           .name = role.name};
  if (authorizer.decide(to_bind).is_allowed()) return {};
  const auto rules = rbac.rules_of(role);
  if (!rules) return not_found({kGroup, is_of_cluster ? "clusterroles" : "roles"}, role.name);
  return check_held(rbac, request, binding.text_at("metadata", "name"), *rules);
}

}  // namespace gantry::kube
