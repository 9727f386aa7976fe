// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/rules.h"

#include <algorithm>

#include "kube/api/tree_lists.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"
#include "kube/rules/object_meta.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

const KindRules* rules_of(const Resource& resource) {
  return find_rules(resource.kind.group, resource.kind.kind);
}
bool has_status(const Resource& resource) { return resource.find_subresource("status") != nullptr; }
bool counts_generations(const Resource& resource) {
  const KindRules* rules = rules_of(resource);
  return rules == nullptr || rules->counts_generations;  // custom resources do
}

// As it is in `before`, which may not have it.
void restore(Tree& object, const Tree& before, std::string_view field) {
  if (const Tree* value = before.find(field))
    object.object()[field] = *value;
  else
    object.object().erase(field);
}

// Whether what is wanted has changed: everything but metadata and status.
bool is_changed(const Tree& object, const Tree& before) {
  const auto differs = [](const Tree& one, const Tree& other) {
    return std::ranges::any_of(one.object(), [&](const auto& member) {
      const std::string& field = member.first;
      if (field == "metadata" || field == "status" || field == "apiVersion" || field == "kind") return false;
      return !is_same(&member.second, other.find(field));
    });
  };
  return differs(object, before) || differs(before, object);
}

void count_generation(const Change& change, Tree& object) {
  Tree& metadata = object.object()["metadata"];
  if (change.before == nullptr) {
    if (counts_generations(change.resource))
      metadata.object()["generation"] = 1;
    else
      metadata.object().erase("generation");
    return;
  }
  const Tree* before = change.before->find("metadata", "generation");
  const std::int64_t generation = before == nullptr ? 0 : before->as_int64().value_or(0);
  if (counts_generations(change.resource) && is_changed(object, *change.before))
    metadata.object()["generation"] = generation + 1;
  else if (before != nullptr)
    metadata.object()["generation"] = *before;
  else
    metadata.object().erase("generation");
}

// What clients need not repeat, and cannot take back.
void keep_identity(const Tree& before, Tree& object) {
  const Tree* kept = before.find("metadata");
  if (kept == nullptr) return;
  Tree& metadata = object.object()["metadata"];
  for (const char* field : {"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "uid"})
    if (metadata.find(field) == nullptr) restore(metadata, *kept, field);
}

void prepare_object(const Change& change, Tree& object) {
  const KindRules* rules = rules_of(change.resource);
  if (change.before != nullptr) keep_identity(*change.before, object);
  if (has_status(change.resource)) {
    if (change.before != nullptr)
      restore(object, *change.before, "status");
    else if (rules == nullptr || !rules->begins_with_status)
      object.object().erase("status");
  }
  if (rules != nullptr && rules->prepare != nullptr) rules->prepare(object, change.before);
  count_generation(change, object);
}

// Only status is the client's; of metadata what goes with it.
void prepare_status(const Change& change, Tree& object) {
  Tree status = std::move(object.object()["status"]);
  Tree metadata = std::move(object.object()["metadata"]);
  object = *change.before;
  if (status.is_null())
    object.object().erase("status");
  else
    object.object()["status"] = std::move(status);
  Tree& kept = object.object()["metadata"];
  if (rules_of(change.resource) == nullptr) {  // of a custom resource nothing but who owns its fields
    restore(kept, metadata, "managedFields");
    restore(kept, metadata, "resourceVersion");
    return;
  }
  for (const char* field : {"deletionTimestamp", "generation", "ownerReferences"})
    restore(metadata, kept, field);
  kept = std::move(metadata);
  if (const KindRules* rules = rules_of(change.resource); rules->prepare_status != nullptr)
    rules->prepare_status(object, *change.before);
}

bool have_same_names(const Tree& one, const Tree& other) {
  return std::ranges::equal(one.array(), other.array(), [](const Tree& a, const Tree& b) {
    return a.text_at("name") == b.text_at("name");
  });
}

// What containers are given. Others than there are stay as they are asked for: it is told that they cannot
// be.
void take_resources(Tree& spec, const Tree& asked, std::string_view list) {
  const Tree* wanted = asked.find(list);
  Tree* containers = spec.object().find(list);
  if (wanted == nullptr || containers == nullptr || !have_same_names(*containers, *wanted))
    return restore(spec, asked, list);
  for (std::size_t i = 0; i < wanted->array().size(); ++i)
    for (const char* field : {"resources", "resizePolicy"})
      restore(containers->array()[i], wanted->array()[i], field);
}

void prepare_resize(Tree& spec, const Tree& asked) {
  restore(spec, asked, "resources");
  for (const char* list : {"containers", "initContainers"}) take_resources(spec, asked, list);
}

// Subresources that are the object itself, of which the client sets one part.
void prepare_part(const Change& change, Tree& object) {
  const Tree asked = std::move(object);
  object = *change.before;
  Tree& spec = object.object()["spec"];
  if (change.subresource == "ephemeralcontainers" && asked.find("spec") != nullptr)
    restore(spec, *asked.find("spec"), "ephemeralContainers");
  if (change.subresource == "finalize" && asked.find("spec") != nullptr)
    restore(spec, *asked.find("spec"), "finalizers");
  if (change.subresource == "approval" && asked.find("status") != nullptr)
    restore(object.object()["status"], *asked.find("status"), "conditions");
  if (change.subresource == "resize" && asked.find("spec") != nullptr)
    prepare_resize(spec, *asked.find("spec"));
  if (const Tree* metadata = asked.find("metadata"))
    for (const char* field : {"managedFields", "resourceVersion"})
      restore(object.object()["metadata"], *metadata, field);
  count_generation(change, object);
}

}  // namespace

void prepare(const Change& change, Tree& object) {
  if (change.subresource.empty()) return prepare_object(change, object);
  if (change.before == nullptr) return;  // a subresource of a kind of its own (TokenRequest)
  if (change.subresource == "status")
    prepare_status(change, object);
  else
    prepare_part(change, object);
}

std::vector<Cause> validate(const Change& change, const Tree& object) {
  Report report;
  const Spot root(object, report);
  const KindRules* rules = rules_of(change.resource);
  MetaRules meta{.is_namespaced = change.resource.is_namespaced};
  if (rules != nullptr) meta.name_faults = rules->name_faults;
  const Spot metadata = root["metadata"];
  if (change.before == nullptr) {
    object_meta(metadata, meta);
  } else {
    object_meta_update(metadata, member_of(*change.before, "metadata"));
  }
  if (rules == nullptr) return std::move(report).causes();
  // What is wanted is not changed by it.
  if (change.subresource == "status") {
    if (rules->check_status != nullptr && change.before != nullptr) rules->check_status(root, *change.before);
    return std::move(report).causes();
  }
  if (rules->check != nullptr) rules->check(root);
  if (change.before == nullptr) {
    if (rules->check_create != nullptr) rules->check_create(root);
    return std::move(report).causes();
  }
  if (change.subresource.empty() && rules->check_update != nullptr) rules->check_update(root, *change.before);
  if (!change.subresource.empty() && rules->check_part != nullptr)
    rules->check_part(change.subresource, root, *change.before);
  return std::move(report).causes();
}

std::vector<std::string_view> unset_fields(const Resource& resource, std::string_view subresource) {
  if (subresource == "status") return {"spec"};
  if (subresource.empty() && has_status(resource)) return {"status"};
  return {};
}

}  // namespace gantry::kube::rules
