// SPDX-License-Identifier: Apache-2.0
#include "kube/access/policy_rule.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "kube/api/tree_lists.h"

namespace gantry::kube {
namespace {

using Words = std::vector<std::string>;

// Rules with more combinations than this are looked at as a whole: a document of a megabyte can name
// billions.
constexpr std::size_t kMaxCombinations = 20'000;

void add(json::TreeObject& object, std::string_view key, const Words& words) {
  if (words.empty()) return;
  json::TreeArray& array = object[key].array();
  for (const std::string& word : words) array.emplace_back(word);
}

bool contains(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool contains_or_any(const Words& words, std::string_view word) {
  return std::ranges::any_of(words, [&](const std::string& each) { return each == "*" || each == word; });
}

// "*", "pods/log", "*/scale".
bool names_resource(const Words& resources, std::string_view resource, std::string_view subresource) {
  return std::ranges::any_of(resources, [&](std::string_view each) {
    if (each == "*") return true;
    if (subresource.empty()) return each == resource;
    const std::size_t slash = each.find('/');
    if (slash == each.npos || each.substr(slash + 1) != subresource) return false;
    return each.substr(0, slash) == resource || each.substr(0, slash) == "*";
  });
}

bool path_matches(std::string_view pattern, std::string_view path) {
  if (pattern == "*" || pattern == path) return true;
  return pattern.ends_with('*') && path.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool names_path(const Words& patterns, std::string_view path) {
  return std::ranges::any_of(patterns, [&](const std::string& each) { return path_matches(each, path); });
}

// Whether all that `wanted` names is in `owned`.
bool covers_words(const Words& owned, const Words& wanted) {
  return contains(owned, "*") ||
         std::ranges::all_of(wanted, [&](const std::string& word) { return contains(owned, word); });
}

bool covers_resources(const Words& owned, const Words& wanted) {
  return std::ranges::all_of(wanted, [&](std::string_view each) {
    const std::size_t slash = std::min(each.find('/'), each.size());
    return names_resource(owned, each.substr(0, slash), each.substr(std::min(slash + 1, each.size())));
  });
}

bool covers_paths(const Words& owned, const Words& wanted) {
  return std::ranges::all_of(wanted, [&](const std::string& path) { return names_path(owned, path); });
}

bool covers(const PolicyRule& owned, const PolicyRule& wanted) {
  if (!covers_words(owned.verbs, wanted.verbs)) return false;
  if (!wanted.paths.empty() && !covers_paths(owned.paths, wanted.paths)) return false;
  if (wanted.resources.empty()) return true;
  const bool has_names =
      owned.names.empty() || (!wanted.names.empty() && std::ranges::all_of(wanted.names, [&](auto& n) {
        return contains(owned.names, n);
      }));
  return has_names && covers_words(owned.groups, wanted.groups) &&
         covers_resources(owned.resources, wanted.resources);
}

bool is_covered(std::span<const PolicyRule> owned, const PolicyRule& wanted) {
  return std::ranges::any_of(owned, [&](const PolicyRule& rule) { return covers(rule, wanted); });
}

// How many rules with one word each it is made of; more than the most counts as one more than that.
std::size_t combinations(const PolicyRule& rule) {
  std::size_t count = rule.verbs.size();
  for (const Words* words : {&rule.groups, &rule.resources, &rule.names})
    count = std::min(count * std::max<std::size_t>(words->size(), 1), kMaxCombinations + 1);
  return count;
}

template <class Visit>
void for_each_part(const PolicyRule& rule, Visit visit) {
  const Words no_names = {""};
  for (const std::string& verb : rule.verbs) {
    for (const std::string& path : rule.paths) visit(PolicyRule{.verbs = {verb}, .paths = {path}});
    for (const std::string& group : rule.groups)
      for (const std::string& resource : rule.resources)
        for (const std::string& name : rule.names.empty() ? no_names : rule.names)
          visit(PolicyRule{.verbs = {verb},
                           .groups = {group},
                           .resources = {resource},
                           .names = rule.names.empty() ? Words() : Words{name}});
  }
}

void append_list(std::string& text, std::string_view name, const Words& words) {
  if (words.empty()) return;
  if (text.size() > 1) text += ", ";
  fmt::format_to(std::back_inserter(text), "{}:[", name);
  for (const std::string& word : words)
    fmt::format_to(std::back_inserter(text), "{}\"{}\"", &word == words.data() ? "" : " ", word);
  text += ']';
}

bool differs_only_in_verbs(const PolicyRule& a, const PolicyRule& b) {
  return a.groups == b.groups && a.resources == b.resources && a.names == b.names && a.paths == b.paths;
}

}  // namespace

PolicyRule PolicyRule::from_tree(const json::Tree& rule) {
  return {.verbs = words_of(rule.find("verbs")),
          .groups = words_of(rule.find("apiGroups")),
          .resources = words_of(rule.find("resources")),
          .names = words_of(rule.find("resourceNames")),
          .paths = words_of(rule.find("nonResourceURLs"))};
}

json::Tree PolicyRule::to_tree() const {
  json::TreeObject object;
  add(object, "verbs", verbs);
  add(object, "apiGroups", groups);
  add(object, "resources", resources);
  add(object, "resourceNames", names);
  add(object, "nonResourceURLs", paths);
  return object;
}

std::string PolicyRule::text() const {
  std::string text = "{";
  append_list(text, "APIGroups", groups);
  append_list(text, "Resources", resources);
  append_list(text, "NonResourceURLs", paths);
  append_list(text, "ResourceNames", names);
  append_list(text, "Verbs", verbs);
  return text + "}";
}

std::vector<PolicyRule> rules_from_tree(const json::Tree* rules) {
  std::vector<PolicyRule> result;
  if (rules == nullptr) return result;
  for (const json::Tree& rule : rules->array()) result.push_back(PolicyRule::from_tree(rule));
  return result;
}

bool allows(const PolicyRule& rule, const AccessRequest& request) {
  if (!contains_or_any(rule.verbs, request.verb)) return false;
  if (!request.is_resource) return names_path(rule.paths, request.path);
  return contains_or_any(rule.groups, request.group) &&
         names_resource(rule.resources, request.resource, request.subresource) &&
         (rule.names.empty() || contains(rule.names, request.name));
}

std::vector<PolicyRule> not_covered(std::span<const PolicyRule> owned, std::span<const PolicyRule> wanted) {
  std::vector<PolicyRule> missing;
  for (const PolicyRule& rule : wanted) {
    if (is_covered(owned, rule)) continue;
    if (combinations(rule) > kMaxCombinations) {
      missing.push_back(rule);
      continue;
    }
    for_each_part(rule, [&](PolicyRule part) {
      if (!is_covered(owned, part)) missing.push_back(std::move(part));
    });
  }
  return missing;
}

std::vector<PolicyRule> compact(std::vector<PolicyRule> rules) {
  std::ranges::stable_sort(rules, [](const PolicyRule& a, const PolicyRule& b) {
    return std::tie(a.groups, a.resources, a.names, a.paths) <
           std::tie(b.groups, b.resources, b.names, b.paths);
  });
  std::vector<PolicyRule> result;
  for (PolicyRule& rule : rules) {
    if (result.empty() || !differs_only_in_verbs(result.back(), rule)) {
      result.push_back(std::move(rule));
      continue;
    }
    for (std::string& verb : rule.verbs)
      if (!contains(result.back().verbs, verb)) result.back().verbs.push_back(std::move(verb));
  }
  return result;
}

}  // namespace gantry::kube
