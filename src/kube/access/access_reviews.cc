// SPDX-License-Identifier: Apache-2.0
#include "kube/access/access_reviews.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/api/selector.h"
#include "kube/api/tree_lists.h"

namespace gantry::kube {
namespace {

constexpr const char* kGroup = "authorization.k8s.io";

json::Tree texts(const std::vector<std::string>& words) {
  json::TreeArray array;
  for (const std::string& word : words) array.emplace_back(word);
  return array;
}

const json::Tree* object_at(const json::Tree& spec, const char* key) {
  const json::Tree* found = spec.find(key);
  return found == nullptr || !found->is_object() ? nullptr : found;
}

User user_of(const json::Tree& spec) {
  User user{.name = std::string(spec.text_at("user")),
            .uid = std::string(spec.text_at("uid")),
            .groups = words_of(spec.find("groups"))};
  if (const json::Tree* extra = object_at(spec, "extra"))
    for (const auto& [key, values] : extra->object()) user.extra[key] = words_of(&values);
  return user;
}

// Requirements as {"key":"spec.nodeName","operator":"In","values":["n1"]}, or text as in a request's query.
std::map<std::string, std::string> fields_of(const json::Tree& resource) {
  std::map<std::string, std::string> fields;
  if (const json::Tree* requirements = resource.find("fieldSelector", "requirements"))
    for (const json::Tree& each : requirements->array())
      if (const auto values = words_of(each.find("values"));
          each.text_at("operator") == "In" && values.size() == 1)
        fields[std::string(each.text_at("key"))] = values.front();
  if (const auto selector = FieldSelector::parse(resource.text_at("fieldSelector", "rawSelector")))
    for (const FieldSelector::Requirement& each : selector->requirements())
      if (each.is_equal) fields[each.field] = each.value;
  return fields;
}

AccessRequest request_of(const json::Tree& spec, User user) {
  if (const json::Tree* path = object_at(spec, "nonResourceAttributes"))
    return {.user = std::move(user),
            .verb = std::string(path->text_at("verb")),
            .is_resource = false,
            .path = std::string(path->text_at("path"))};
  const json::Tree& resource = *object_at(spec, "resourceAttributes");
  return {.user = std::move(user),
          .verb = std::string(resource.text_at("verb")),
          .group = std::string(resource.text_at("group")),
          .version = std::string(resource.text_at("version")),
          .resource = std::string(resource.text_at("resource")),
          .subresource = std::string(resource.text_at("subresource")),
          .name_space = std::string(resource.text_at("namespace")),
          .name = std::string(resource.text_at("name")),
          .fields = fields_of(resource)};
}

// One of both kinds of attributes, not more and not less.
std::vector<Cause> faults_of(const json::Tree& spec) {
  const bool has_resource = object_at(spec, "resourceAttributes") != nullptr;
  const bool has_path = object_at(spec, "nonResourceAttributes") != nullptr;
  if (has_resource && has_path)
    return {{"FieldValueInvalid", "Invalid value: cannot be specified in combination with resourceAttributes",
             "spec.nonResourceAttributes"}};
  if (!has_resource && !has_path)
    return {{"FieldValueInvalid",
             "Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified",
             "spec.resourceAttributes"}};
  return {};
}

std::vector<Cause> faults_with_user(const json::Tree& spec) {
  std::vector<Cause> faults = faults_of(spec);
  if (spec.text_at("user").empty() && words_of(spec.find("groups")).empty())
    faults.push_back({"FieldValueRequired", "Required value: at least one of user or group must be specified",
                      "spec.user"});
  return faults;
}

const json::Tree& spec_of(const json::Tree& review) {
  static const json::Tree kNone;
  const json::Tree* spec = review.find("spec");
  return spec == nullptr ? kNone : *spec;
}

json::Tree answered(const Authorizer& authorizer, json::Tree review, User user) {
  const Decision decision = authorizer.decide(request_of(spec_of(review), std::move(user)));
  json::TreeObject status;
  status["allowed"] = decision.is_allowed();
  if (decision.opinion == Opinion::Deny) status["denied"] = true;
  if (!decision.reason.empty()) status["reason"] = decision.reason;
  if (!decision.problem.empty()) status["evaluationError"] = decision.problem;
  review.object()["status"] = std::move(status);
  return review;
}

void put(json::TreeObject& object, std::string_view key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

}  // namespace

Answer<json::Tree> review_subject_access(const Authorizer& authorizer, json::Tree review) {
  if (auto faults = faults_with_user(spec_of(review)); !faults.empty())
    return invalid(kGroup, "SubjectAccessReview", "", std::move(faults));
  User user = user_of(spec_of(review));
  return answered(authorizer, std::move(review), std::move(user));
}

Answer<json::Tree> review_local_subject_access(const Authorizer& authorizer, std::string_view name_space,
                                               json::Tree review) {
  std::vector<Cause> faults = faults_with_user(spec_of(review));
  if (object_at(spec_of(review), "nonResourceAttributes") != nullptr)
    faults.push_back({"FieldValueInvalid", "Invalid value: disallowed on this kind of request",
                      "spec.nonResourceAttributes"});
  if (!faults.empty()) return invalid(kGroup, "LocalSubjectAccessReview", "", std::move(faults));
  if (review.text_at("spec", "resourceAttributes", "namespace") != name_space)
    return bad_request(fmt::format("spec.resourceAttributes.namespace must match namespace: {}", name_space));
  User user = user_of(spec_of(review));
  return answered(authorizer, std::move(review), std::move(user));
}

Answer<json::Tree> review_self_subject_access(const Authorizer& authorizer, const User& user,
                                              json::Tree review) {
  if (auto faults = faults_of(spec_of(review)); !faults.empty())
    return invalid(kGroup, "SelfSubjectAccessReview", "", std::move(faults));
  return answered(authorizer, std::move(review), user);
}

Answer<json::Tree> review_self_subject_rules(const Authorizer& authorizer, const User& user,
                                             json::Tree review) {
  const std::string name_space(review.text_at("spec", "namespace"));
  if (name_space.empty()) return bad_request("no namespace on request");
  RuleList list;
  authorizer.list_rules(user, name_space, list);
  json::TreeArray resources, paths;
  for (const PolicyRule& rule : list.rules)
    (rule.paths.empty() ? resources : paths).push_back(rule.to_tree());
  json::TreeObject status;
  status["resourceRules"] = std::move(resources);
  status["nonResourceRules"] = std::move(paths);
  status["incomplete"] = list.is_incomplete;
  put(status, "evaluationError", list.problem);
  review.object()["status"] = std::move(status);
  return review;
}

json::Tree subject_access_spec(const AccessRequest& request) {
  json::TreeObject spec;
  put(spec, "user", request.user.name);
  put(spec, "uid", request.user.uid);
  if (!request.user.groups.empty()) spec["groups"] = texts(request.user.groups);
  for (const auto& [key, values] : request.user.extra) spec["extra"].object()[key] = texts(values);
  if (!request.is_resource) {
    json::TreeObject& path = spec["nonResourceAttributes"].object();
    put(path, "path", request.path);
    put(path, "verb", request.verb);
    return spec;
  }
  json::TreeObject& resource = spec["resourceAttributes"].object();
  put(resource, "verb", request.verb);
  put(resource, "group", request.group);
  put(resource, "version", request.version);
  put(resource, "resource", request.resource);
  put(resource, "subresource", request.subresource);
  put(resource, "namespace", request.name_space);
  put(resource, "name", request.name);
  for (const auto& [field, value] : request.fields) {
    json::TreeObject requirement;
    requirement["key"] = field;
    requirement["operator"] = "In";
    requirement["values"].array().emplace_back(value);
    resource["fieldSelector"].object()["requirements"].array().emplace_back(std::move(requirement));
  }
  return spec;
}

}  // namespace gantry::kube
