// SPDX-License-Identifier: Apache-2.0
#include "kube/fairness/flow_schema.h"

#include <algorithm>

#include "kube/api/tree_lists.h"

namespace gantry::kube {
namespace {

using Words = std::vector<std::string>;

bool has_or_any(const Words& words, std::string_view word) {
  return std::ranges::any_of(words, [&](const std::string& each) { return each == "*" || each == word; });
}

// "pods", "pods/log": without an allocation.
bool names_resource(const Words& words, std::string_view resource, std::string_view subresource) {
  return std::ranges::any_of(words, [&](std::string_view each) {
    if (each == "*") return true;
    if (subresource.empty()) return each == resource;
    return each.size() == resource.size() + 1 + subresource.size() && each.starts_with(resource) &&
           each[resource.size()] == '/' && each.ends_with(subresource);
  });
}

// A path is for everything below it, too.
bool covers_path(std::string_view pattern, std::string_view path) {
  if (pattern == "*" || pattern == path) return true;
  if (pattern.ends_with('*')) pattern.remove_suffix(1);
  if (pattern.ends_with('/')) pattern.remove_suffix(1);
  return path.size() > pattern.size() && path.starts_with(pattern) && path[pattern.size()] == '/';
}

FlowSchema::Subject subject_of(const json::Tree& tree) {
  FlowSchema::Subject subject{.kind = std::string(tree.text_at("kind"))};
  const char* key = subject.kind == "User" ? "user" : subject.kind == "Group" ? "group" : "serviceAccount";
  subject.name = tree.text_at(key, "name");
  subject.name_space = tree.text_at(key, "namespace");
  return subject;
}

FlowSchema::Rule rule_of(const json::Tree& tree) {
  FlowSchema::Rule rule;
  for (const json::Tree& subject : list_of(tree, "subjects")) rule.subjects.push_back(subject_of(subject));
  for (const json::Tree& each : list_of(tree, "resourceRules")) {
    const json::Tree* is_for_cluster = each.find("clusterScope");
    rule.resources.push_back({.verbs = words_of(each, "verbs"),
                              .groups = words_of(each, "apiGroups"),
                              .resources = words_of(each, "resources"),
                              .namespaces = words_of(each, "namespaces"),
                              .is_for_cluster = is_for_cluster != nullptr && is_for_cluster->as_bool()});
  }
  for (const json::Tree& each : list_of(tree, "nonResourceRules"))
    rule.paths.push_back({words_of(each, "verbs"), words_of(each, "nonResourceURLs")});
  return rule;
}

}  // namespace

FlowSchema FlowSchema::from_tree(const json::Tree& tree) {
  FlowSchema schema{.name = std::string(tree.text_at("metadata", "name")),
                    .uid = std::string(tree.text_at("metadata", "uid")),
                    .level = std::string(tree.text_at("spec", "priorityLevelConfiguration", "name"))};
  if (const json::Tree* precedence = tree.find("spec", "matchingPrecedence"))
    schema.precedence = precedence->as_int64().value_or(schema.precedence);
  const std::string_view by = tree.text_at("spec", "distinguisherMethod", "type");
  schema.distinguisher = by == "ByUser"        ? Distinguisher::User
                         : by == "ByNamespace" ? Distinguisher::Namespace
                                               : Distinguisher::None;
  if (const json::Tree* rules = tree.find("spec", "rules"))
    for (const json::Tree& rule : rules->array()) schema.rules.push_back(rule_of(rule));
  return schema;
}

bool FlowSchema::matches(const AccessRequest& request) const {
  return std::ranges::any_of(rules, [&](const Rule& rule) { return rule.has(request); });
}

std::string_view FlowSchema::flow_of(const AccessRequest& request) const {
  switch (distinguisher) {
    case Distinguisher::User: return request.user.name;
    case Distinguisher::Namespace: return request.name_space;
    case Distinguisher::None: break;
  }
  return {};
}

bool FlowSchema::Rule::has(const AccessRequest& request) const {
  if (std::ranges::none_of(subjects, [&](const Subject& each) { return each.is(request.user); }))
    return false;
  if (request.is_resource)
    return std::ranges::any_of(resources, [&](const ResourceRule& each) { return each.has(request); });
  return std::ranges::any_of(paths, [&](const PathRule& each) { return each.has(request); });
}

bool FlowSchema::Subject::is(const User& user) const {
  if (kind == "User") return name == "*" || name == user.name;
  if (kind == "Group") return name == "*" || std::ranges::find(user.groups, name) != user.groups.end();
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  std::string_view rest = user.name;
  if (kind != "ServiceAccount" || !rest.starts_with(kPrefix)) return false;
  rest.remove_prefix(kPrefix.size());
  if (!rest.starts_with(name_space) || !rest.substr(name_space.size()).starts_with(':')) return false;
  return name == "*" || rest.substr(name_space.size() + 1) == name;
}

bool FlowSchema::ResourceRule::has(const AccessRequest& request) const {
  if (!has_or_any(verbs, request.verb) || !has_or_any(groups, request.group) ||
      !names_resource(resources, request.resource, request.subresource))
    return false;
  return request.name_space.empty() ? is_for_cluster : has_or_any(namespaces, request.name_space);
}

bool FlowSchema::PathRule::has(const AccessRequest& request) const {
  return has_or_any(verbs, request.verb) &&
         std::ranges::any_of(paths, [&](const std::string& each) { return covers_path(each, request.path); });
}

}  // namespace gantry::kube
