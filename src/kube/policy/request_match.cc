// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/request_match.h"

#include <algorithm>

#include "kube/api/tree_lists.h"
#include "kube/schema/versions.h"

namespace gantry::kube::admission {
namespace {

bool holds(const std::vector<std::string>& items, std::string_view wanted) {
  return std::ranges::any_of(items, [&](const std::string& item) { return item == "*" || item == wanted; });
}

// "pods/status", "pods", "*/scale", "*/*"; without a slash it is of no subresource.
bool is_of_resource(std::string_view item, std::string_view resource, std::string_view subresource) {
  const std::size_t slash = std::min(item.find('/'), item.size());
  const std::string_view of = item.substr(0, slash);
  const std::string_view sub = slash == item.size() ? std::string_view() : item.substr(slash + 1);
  return (of == "*" || of == resource) && (sub == "*" || sub == subresource);
}

Answer<LabelSelector> selector_at(const json::Tree& tree, std::string_view key) {
  const json::Tree* selector = tree.find(key);
  if (selector == nullptr || selector->is_null()) return LabelSelector();
  return LabelSelector::from_tree(*selector);
}

const json::Tree& labels_of(const json::Tree* object) {
  static const json::Tree kNone;
  const json::Tree* labels = object == nullptr ? nullptr : object->find("metadata", "labels");
  return labels == nullptr ? kNone : *labels;
}

}  // namespace

bool is_exempt(const AdmissionRequest& request) {
  constexpr std::string_view kKinds[] = {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
                                         "ValidatingAdmissionPolicy",      "ValidatingAdmissionPolicyBinding",
                                         "MutatingAdmissionPolicy",        "MutatingAdmissionPolicyBinding"};
  return request.kind.group == "admissionregistration.k8s.io" &&
         std::ranges::find(kKinds, request.kind.kind) != std::end(kKinds);
}

Answer<RequestMatch> RequestMatch::from_tree(const json::Tree& tree, std::string_view rules) {
  RequestMatch match;
  match.rules_ = read_rules(tree.find(rules));
  match.excluded_ = read_rules(tree.find("excludeResourceRules"));
  match.namespaces_ = TRY(selector_at(tree, "namespaceSelector"));
  match.objects_ = TRY(selector_at(tree, "objectSelector"));
  match.is_of_equivalents_ = tree.text_at("matchPolicy") != "Exact";
  match.is_of_all_without_rules_ = rules == "resourceRules";
  return match;
}

std::vector<RequestMatch::Rule> RequestMatch::read_rules(const json::Tree* rules) {
  std::vector<Rule> read;
  if (rules == nullptr) return read;
  for (const json::Tree& rule : rules->array())
    read.push_back({.operations = words_of(rule, "operations"),
                    .groups = words_of(rule, "apiGroups"),
                    .versions = words_of(rule, "apiVersions"),
                    .resources = words_of(rule, "resources"),
                    .names = words_of(rule, "resourceNames"),
                    .scope = std::string(rule.text_at("scope"))});
  return read;
}

Answer<const Resource*> RequestMatch::find(const AdmissionRequest& request,
                                           const ObjectSource& objects) const {
  // Rules first: they cost least, and refuse most.
  if (find_by_rules(excluded_, request) != nullptr) return nullptr;
  const bool is_of_all = rules_.empty() && is_of_all_without_rules_;
  const Resource* as = is_of_all ? &request.resource : find_by_rules(rules_, request);
  if (as == nullptr || !is_selected(request)) return nullptr;
  return TRY(is_in_namespaces(request, objects)) ? as : nullptr;
}

Answer<const Resource*> find_match(const Answer<RequestMatch>& by, const AdmissionRequest& request,
                                   const ObjectSource& objects) {
  if (!by) return bad_request(by.error()->message);
  return by->find(request, objects);
}

bool RequestMatch::is_in(const Rule& rule, const AdmissionRequest& request, const Resource& as) {
  // A Namespace is of the cluster, though its requests name it as their namespace.
  const bool is_of_cluster = request.name_space.empty() || request.is_about("", "namespaces");
  if (rule.scope == "Namespaced" && is_of_cluster) return false;
  if (rule.scope == "Cluster" && !is_of_cluster) return false;
  return holds(rule.operations, name_of(request.operation)) && holds(rule.groups, as.kind.group) &&
         holds(rule.versions, as.kind.version) &&
         std::ranges::any_of(
             rule.resources,
             [&](const std::string& item) { return is_of_resource(item, as.plural, request.subresource); }) &&
         (rule.names.empty() || std::ranges::find(rule.names, request.name) != rule.names.end());
}

const Resource* RequestMatch::find_by_rules(const std::vector<Rule>& rules,
                                            const AdmissionRequest& request) const {
  for (const Rule& rule : rules)
    if (is_in(rule, request, request.resource)) return &request.resource;
  if (!is_of_equivalents_) return nullptr;
  const Versions* versions = request.resource.versions.get();
  if (versions == nullptr) return nullptr;
  for (const Rule& rule : rules)
    for (const Resource* other : versions->resources())
      if (!(other->kind == request.resource.kind) && is_in(rule, request, *other)) return other;
  return nullptr;
}

Answer<bool> RequestMatch::is_in_namespaces(const AdmissionRequest& request,
                                            const ObjectSource& objects) const {
  const bool is_namespace = request.is_about("", "namespaces");
  if (namespaces_.is_of_all() || (request.name_space.empty() && !is_namespace)) return true;
  // What is written is not in the cache yet.
  const bool is_written = request.operation == Operation::Create || request.operation == Operation::Update;
  if (is_namespace && request.subresource.empty() && is_written)
    return namespaces_.matches(labels_of(request.object));
  const auto found = objects.get("namespaces", "", request.name_space);
  if (!found) return not_found({"", "namespaces"}, request.name_space);
  return namespaces_.matches(labels_of(&*found));
}

bool RequestMatch::is_selected(const AdmissionRequest& request) const {
  if (objects_.is_of_all()) return true;
  return (request.object != nullptr && objects_.matches(labels_of(request.object))) ||
         (request.old_object != nullptr && objects_.matches(labels_of(request.old_object)));
}

}  // namespace gantry::kube::admission
