// SPDX-License-Identifier: Apache-2.0
#include "kube/access/stock_roles.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/split.h"
#include "kube/access/aggregation.h"
#include "kube/access/stock_role_text.h"
#include "kube/api/stored_kinds.h"

namespace gantry::kube {
namespace {

using Words = std::vector<std::string_view>;

constexpr const char* kGroup = "rbac.authorization.k8s.io";
constexpr const char* kAutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

// ---- Reading the text. It is part of the program, and tested: a mistake in it aborts.

json::Tree object_of(const char* kind, std::string_view name_space, std::string_view name) {
  json::TreeObject metadata;
  metadata["name"] = name;
  if (!name_space.empty()) metadata["namespace"] = name_space;
  metadata["annotations"].object()[kAutoUpdate] = "true";
  metadata["labels"].object()["kubernetes.io/bootstrapping"] = "rbac-defaults";
  json::TreeObject object;
  object["apiVersion"] = fmt::format("{}/v1", kGroup);
  object["kind"] = kind;
  object["metadata"] = std::move(metadata);
  return object;
}

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> list;
  for (const std::string_view word : split(text, ',')) {
    if (word == "read")
      list.insert(list.end(), {"get", "list", "watch"});
    else if (word == "write")
      list.insert(list.end(), {"create", "delete", "deletecollection", "patch", "update"});
    else
      list.emplace_back(word == "core" ? "" : word);
  }
  return list;
}

PolicyRule rule_of(const Words& words) {
  if (words.size() < 3) std::abort();
  if (words[1] == "path") return {.verbs = list_of(words[0]), .paths = list_of(words[2])};
  PolicyRule rule{.verbs = list_of(words[0]), .groups = list_of(words[1]), .resources = list_of(words[2])};
  if (words.size() > 3) rule.names = list_of(words[3]);
  return rule;
}

json::Tree subject_of(std::string_view word) {
  const std::size_t equals = word.find('=');
  const std::string_view kind = word.substr(0, equals), name = word.substr(equals + 1);
  json::TreeObject subject;
  if (kind == "account") {
    const std::size_t slash = name.find('/');
    subject["kind"] = "ServiceAccount";
    subject["namespace"] = name.substr(0, slash);
    subject["name"] = name.substr(slash + 1);
  } else {
    subject["apiGroup"] = kGroup;
    subject["kind"] = kind == "user" ? "User" : "Group";
    subject["name"] = name;
  }
  return subject;
}

// `name_space`: empty for a ClusterRoleBinding.
StockObject binding_of(std::string_view name_space, std::string_view name, std::string_view role,
                       std::span<const std::string_view> subjects) {
  const bool is_of_cluster = name_space.empty();
  json::Tree binding = object_of(is_of_cluster ? "ClusterRoleBinding" : "RoleBinding", name_space, name);
  json::TreeObject& reference = binding.object()["roleRef"].object();
  reference["apiGroup"] = kGroup;
  reference["kind"] = is_of_cluster ? "ClusterRole" : "Role";
  reference["name"] = role;
  for (const std::string_view subject : subjects)
    binding.object()["subjects"].array().push_back(subject_of(subject));
  return {is_of_cluster ? stored::kClusterRoleBindings : stored::kRoleBindings, std::move(binding)};
}

std::string aggregation_label(std::string_view role) {
  return fmt::format("{}/aggregate-to-{}", kGroup, role);
}

StockObject cluster_role_of(std::string_view name, std::span<const std::string_view> more) {
  json::Tree role = object_of("ClusterRole", "", name);
  role.object()["rules"].array();
  for (std::size_t i = 0; i + 1 < more.size(); i += 2) {
    const std::string label = aggregation_label(more[i + 1]);
    if (more[i] == "part-of") {
      role.object()["metadata"].object()["labels"].object()[label] = "true";
    } else {
      json::TreeObject selector;
      selector["matchLabels"].object()[label] = "true";
      role.object()["aggregationRule"].object()["clusterRoleSelectors"].array().emplace_back(
          std::move(selector));
    }
  }
  return {stored::kClusterRoles, std::move(role)};
}

// What a line that is no rule begins.
void add_object(const Words& words, std::vector<StockObject>& objects) {
  const std::span rest(words.begin() + 1, words.end());
  if (words[0] == "clusterrole") {
    objects.push_back(cluster_role_of(rest[0], rest.subspan(1)));
  } else if (words[0] == "role") {
    objects.push_back({stored::kRoles, object_of("Role", rest[0], rest[1])});
  } else if (words[0] == "clusterbinding") {
    objects.push_back(binding_of("", rest[0], rest[1], rest.subspan(2)));
  } else if (words[0] == "binding") {
    objects.push_back(binding_of(rest[0], rest[1], rest[2], rest.subspan(3)));
  } else if (words[0] == "controller") {
    const std::string name = fmt::format("system:controller:{}", rest[0]);
    const std::string account = fmt::format("account=kube-system/{}", rest[0]);
    const std::string_view subjects[] = {account};
    objects.push_back(binding_of("", name, name, subjects));
    objects.push_back(cluster_role_of(name, {}));
  } else {
    std::abort();
  }
}

// ---- Comparing with what is there

// What labels or annotations of ours it lacks, it gets. Whether it lacked any.
bool add_missing(json::Tree& into, const json::Tree& from, const char* field) {
  bool is_changed = false;
  if (const json::Tree* wanted = from.find("metadata", field))
    for (const auto& [key, value] : wanted->object()) {
      json::Tree& there = into.object()["metadata"].object()[field].object()[key];
      is_changed |= there.is_null();
      if (there.is_null()) there = value;
    }
  return is_changed;
}

bool add_missing_selectors(json::Tree& into, const json::Tree& from) {
  const json::Tree* wanted = from.find("aggregationRule", "clusterRoleSelectors");
  if (wanted == nullptr) return false;
  bool is_changed = false;
  json::TreeArray& there = into.object()["aggregationRule"].object()["clusterRoleSelectors"].array();
  for (const json::Tree& each : wanted->array()) {
    if (std::ranges::find(there, each) != there.end()) continue;
    there.push_back(each);
    is_changed = true;
  }
  return is_changed;
}

bool add_missing_rules(json::Tree& into, const json::Tree& from) {
  const std::vector<PolicyRule> owned = rules_from_tree(into.find("rules"));
  bool is_changed = false;
  for (const PolicyRule& rule : rules_from_tree(from.find("rules"))) {
    if (not_covered(owned, std::span(&rule, 1)).empty()) continue;
    into.object()["rules"].array().push_back(rule.to_tree());
    is_changed = true;
  }
  return is_changed;
}

// The subjects are compared without what the server fills in.
bool add_missing_subjects(json::Tree& into, const json::Tree& from) {
  const auto key = [](const json::Tree& subject) {
    return std::tuple(subject.text_at("kind"), subject.text_at("namespace"), subject.text_at("name"));
  };
  const json::Tree* wanted = from.find("subjects");
  bool is_changed = false;
  if (wanted != nullptr)
    for (const json::Tree& each : wanted->array()) {
      json::TreeArray& there = into.object()["subjects"].array();
      if (std::ranges::any_of(there, [&](const json::Tree& other) { return key(other) == key(each); }))
        continue;
      there.push_back(each);
      is_changed = true;
    }
  return is_changed;
}

// Whether `there` lacks something of `stock`, which it has then.
bool complete(json::Tree& there, const json::Tree& stock) {
  if (there.text_at("metadata", "annotations", kAutoUpdate) == "false") return false;
  if (const json::Tree* reference = stock.find("roleRef");
      reference != nullptr && there.text_at("roleRef", "name") != reference->text_at("name"))
    return false;
  bool is_changed = add_missing(there, stock, "annotations");
  is_changed |= add_missing(there, stock, "labels");
  is_changed |= add_missing_rules(there, stock);
  is_changed |= add_missing_subjects(there, stock);
  is_changed |= add_missing_selectors(there, stock);
  return is_changed;
}

}  // namespace

std::vector<StockObject> stock_roles() {
  std::vector<StockObject> objects;
  for (const std::string_view line : split(kStockRoleText, '\n')) {
    const Words words = split_words(line, ' ');
    if (words.empty() || words[0].starts_with('#')) continue;
    if (line.starts_with(' '))
      objects.back().object.object()["rules"].array().push_back(rule_of(words).to_tree());
    else
      add_object(words, objects);
  }
  return objects;
}

std::vector<StockObject> missing_stock_roles(const ObjectSource& objects) {
  std::vector<StockObject> missing;
  for (StockObject& stock : stock_roles()) {
    auto there = objects.get(stock.stored_as, stock.object.text_at("metadata", "namespace"),
                             stock.object.text_at("metadata", "name"));
    if (!there)
      missing.push_back(std::move(stock));
    else if (complete(*there, stock.object))
      missing.push_back({stock.stored_as, *std::move(there)});
  }
  return missing;
}

std::vector<StockObject> stale_aggregated_roles(const ObjectSource& objects) {
  std::vector<json::Tree> trees = objects.list(stored::kClusterRoles, "");
  std::vector<ClusterRole> roles;
  for (const json::Tree& tree : trees) roles.push_back(ClusterRole::from_tree(tree));
  std::vector<const ClusterRole*> all;
  for (const ClusterRole& role : roles) all.push_back(&role);

  std::vector<StockObject> stale;
  for (std::size_t i = 0; i < roles.size(); ++i) {
    if (!roles[i].is_aggregated) continue;
    const std::vector<PolicyRule> rules = aggregated_rules(roles[i], all);
    if (rules == roles[i].rules) continue;
    json::TreeArray array;
    for (const PolicyRule& rule : rules) array.push_back(rule.to_tree());
    trees[i].object()["rules"] = std::move(array);
    stale.push_back({stored::kClusterRoles, std::move(trees[i])});
  }
  return stale;
}

}  // namespace gantry::kube
