// SPDX-License-Identifier: Apache-2.0
#include "kube/audit/policy.h"

#include <algorithm>

#include "base/file.h"
#include "kube/api/tree_lists.h"
#include "yaml/yaml.h"

namespace gantry::kube {
namespace {

using Words = std::vector<std::string>;

bool has(const Words& words, std::string_view word) { return std::ranges::find(words, word) != words.end(); }

Result<std::uint8_t> stages_of(const json::Tree& of) {
  std::uint8_t stages = 0;
  for (const std::string& word : words_of(of, "omitStages")) {
    const auto* stage = std::ranges::find(kAuditStages, word);
    if (stage == kAuditStages.end())
      return error(Code::InvalidArgument, "omitStages: '{}' is no stage", word);
    stages |= static_cast<std::uint8_t>(1U << (stage - kAuditStages.begin()));
  }
  return stages;
}

bool path_matches(std::string_view pattern, std::string_view path) {
  if (pattern == "*" || pattern == path) return true;
  return pattern.ends_with('*') && path.starts_with(pattern.substr(0, pattern.size() - 1));
}

// "pods", "pods/log", "pods/*", "*/scale", "*".
bool resource_matches(std::string_view pattern, std::string_view resource, std::string_view subresource) {
  if (pattern == "*") return true;
  const std::size_t slash = pattern.find('/');
  if (slash == pattern.npos) return subresource.empty() && pattern == resource;
  const std::string_view first = pattern.substr(0, slash), second = pattern.substr(slash + 1);
  if (second == "*") return first == resource;
  return second == subresource && (first == "*" || first == resource);
}

}  // namespace

Result<AuditPolicy> AuditPolicy::parse(std::string_view text) {
  const json::Tree tree = TRY(json::Tree::parse(TRY(yaml::to_json(text))));
  if (tree.text_at("kind") != "Policy" || tree.text_at("apiVersion") != "audit.k8s.io/v1")
    return error(Code::InvalidArgument, "not a Policy of audit.k8s.io/v1");
  AuditDecision defaults{.omitted_stages = TRY(stages_of(tree))};
  if (const json::Tree* omits = tree.find("omitManagedFields"))
    defaults.omits_managed_fields = omits->as_bool();
  AuditPolicy policy;
  const json::TreeArray& rules = list_of(tree, "rules");
  if (rules.empty()) return error(Code::InvalidArgument, "rules: required");
  for (const json::Tree& rule : rules)
    policy.rules_.push_back(TRY_DURING(read_rule(rule, defaults), "rules[{}]", policy.rules_.size()));
  return policy;
}

Result<AuditPolicy> AuditPolicy::load(const std::string& file) {
  return TRY_DURING(parse(TRY(read_file(file))), "audit policy '{}'", file);
}

Result<AuditPolicy::Rule> AuditPolicy::read_rule(const json::Tree& tree, const AuditDecision& defaults) {
  const auto* level = std::ranges::find(kAuditLevels, tree.text_at("level"));
  if (level == kAuditLevels.end())
    return error(Code::InvalidArgument, "level: None, Metadata, Request or RequestResponse is required");
  Rule rule{.decision = defaults,
            .users = words_of(tree, "users"),
            .groups = words_of(tree, "userGroups"),
            .verbs = words_of(tree, "verbs"),
            .namespaces = words_of(tree, "namespaces"),
            .paths = words_of(tree, "nonResourceURLs")};
  rule.decision.level = static_cast<AuditLevel>(level - kAuditLevels.begin());
  rule.decision.omitted_stages |= TRY(stages_of(tree));
  if (const json::Tree* omits = tree.find("omitManagedFields"))
    rule.decision.omits_managed_fields = omits->as_bool();
  for (const json::Tree& each : list_of(tree, "resources"))
    rule.resources.push_back({.group = std::string(each.text_at("group")),
                              .resources = words_of(each, "resources"),
                              .names = words_of(each, "resourceNames")});
  if (!rule.paths.empty() && (!rule.resources.empty() || !rule.namespaces.empty()))
    return error(Code::InvalidArgument, "nonResourceURLs: not together with resources or namespaces");
  return rule;
}

AuditDecision AuditPolicy::decide(const AccessRequest& request) const {
  for (const Rule& rule : rules_)
    if (rule.matches(request)) return rule.decision;
  return {};
}

bool AuditPolicy::Rule::matches(const AccessRequest& request) const {
  if (!users.empty() && !has(users, request.user.name)) return false;
  if (!groups.empty() &&
      std::ranges::none_of(request.user.groups, [&](auto& group) { return has(groups, group); }))
    return false;
  if (!verbs.empty() && !has(verbs, request.verb)) return false;
  if (!namespaces.empty() || !resources.empty()) return matches_resource(request);
  if (paths.empty()) return true;
  return !request.is_resource && std::ranges::any_of(paths, [&](const std::string& each) {
    return path_matches(each, request.path);
  });
}

bool AuditPolicy::Rule::matches_resource(const AccessRequest& request) const {
  if (!request.is_resource || (!namespaces.empty() && !has(namespaces, request.name_space))) return false;
  return resources.empty() ||
         std::ranges::any_of(resources, [&](const Resources& each) { return each.has(request); });
}

bool AuditPolicy::Resources::has(const AccessRequest& request) const {
  if (group != "*" && group != request.group) return false;
  if (resources.empty()) return true;
  if (!names.empty() && !kube::has(names, request.name)) return false;
  return std::ranges::any_of(resources, [&](const std::string& each) {
    return resource_matches(each, request.resource, request.subresource);
  });
}

}  // namespace gantry::kube
