// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/object_meta.h"

#include <set>

#include <fmt/format.h>

#include "kube/rules/checks.h"

namespace gantry::kube::rules {
namespace {

constexpr std::size_t kManagerSize = 128;
constexpr std::size_t kSubresourceSize = 256;

void name(const Spot& metadata, const MetaRules& rules) {
  if (rules.name_faults == nullptr) return;
  if (const Spot prefix = metadata["generateName"]; !prefix.text().empty())
    prefix.invalid_for(rules.name_faults(name_from_prefix(prefix.text())));
  const Spot name = metadata["name"];
  if (name.text().empty()) return name.required("name or generateName is required");
  name.invalid_for(rules.name_faults(name.text()));
  // Whatever a kind allows, a name is part of a path, and of a key of the store.
  if (rules.name_faults != path_segment_faults) name.invalid_for(path_segment_faults(name.text()));
}

void name_space(const Spot& name_space, bool is_namespaced) {
  if (is_namespaced)
    named(name_space, dns_label_faults);
  else if (!name_space.text().empty())
    name_space.forbidden("not allowed on this type");
}

void owner(const Spot& owner) {
  const std::string_view version = owner["apiVersion"].text();
  if (version.empty() || version.ends_with('/')) owner["apiVersion"].invalid("version must not be empty");
  for (const char* field : {"kind", "name", "uid"})
    if (owner[field].text().empty()) owner[field].invalid("must not be empty");
  if (version == "v1" && owner["kind"].text() == "Event")
    owner.invalid("/v1, Kind=Event is disallowed from being an owner");
}

void owners(const Spot& owners) {
  std::string controller;
  owners.each([&](const Spot& one) {
    owner(one);
    if (!one["controller"].flag()) return;
    const std::string name = fmt::format("{}/{}", one["kind"].text(), one["name"].text());
    if (!controller.empty())
      owners.invalid(
          fmt::format("Only one reference can have Controller set to true. Found \"true\" in references for "
                      "{} and {}",
                      controller, name));
    else
      controller = name;
  });
}

void finalizers(const Spot& finalizers) {
  bool orphans = false;
  bool deletes = false;
  finalizers.each([&](const Spot& finalizer) {
    for (const std::string& fault : label_key_faults(finalizer.text()))
      finalizers.invalid(finalizer.value(), fault);
    orphans |= finalizer.text() == "orphan";
    deletes |= finalizer.text() == "foregroundDeletion";
  });
  if (orphans && deletes) finalizers.invalid("finalizer orphan and foregroundDeletion cannot be both set");
}

void managed_fields(const Spot& entry) {
  const std::string_view operation = entry["operation"].text();
  if (operation != "Apply" && operation != "Update")
    entry["operation"].invalid("must be `Apply` or `Update`");
  const std::string_view form = entry["fieldsType"].text();
  if (!form.empty() && form != "FieldsV1") entry["fieldsType"].invalid("must be `FieldsV1`");
  if (entry["manager"].text().size() > kManagerSize) entry["manager"].too_long(kManagerSize);
  if (entry["subresource"].text().size() > kSubresourceSize) entry["subresource"].too_long(kSubresourceSize);
}

// What is asked of metadata whether it is new or not.
void lasting(const Spot& metadata) {
  labels(metadata["labels"]);
  annotations(metadata["annotations"]);
  owners(metadata["ownerReferences"]);
  metadata["managedFields"].each(managed_fields);
}

void no_new_finalizers(const Spot& finalizers, const json::Tree* before) {
  std::set<std::string_view> old;
  if (before != nullptr)
    for (const json::Tree& finalizer : before->array()) old.insert(finalizer.as_string());
  std::string added;
  finalizers.each([&](const Spot& finalizer) {
    if (!old.contains(finalizer.text()))
      fmt::format_to(std::back_inserter(added), "{}\"{}\"", added.empty() ? "" : ", ", finalizer.text());
  });
  if (!added.empty())
    finalizers.forbidden(fmt::format(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        added));
}

}  // namespace

void object_meta(const Spot& metadata, const MetaRules& rules) {
  name(metadata, rules);
  name_space(metadata["namespace"], rules.is_namespaced);
  non_negative(metadata["generation"]);
  lasting(metadata);
  finalizers(metadata["finalizers"]);
}

void object_meta_update(const Spot& metadata, const json::Tree& before) {
  if (before.find("deletionTimestamp") != nullptr)
    no_new_finalizers(metadata["finalizers"], before.find("finalizers"));
  const json::Tree* generation = before.find("generation");
  if (generation != nullptr && metadata["generation"].number() < generation->as_int64().value_or(0))
    metadata["generation"].invalid("must not be decremented");
  for (const char* field :
       {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"})
    immutable(metadata[field], before.find(field));
  // The finalizers of an object that was stored before may be what today's rules do not allow.
  lasting(metadata);
}

}  // namespace gantry::kube::rules
