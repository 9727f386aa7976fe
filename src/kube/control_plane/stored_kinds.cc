// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/stored_kinds.h"

#include <algorithm>

#include "base/split.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

// Names that are not where the field is: that of a stored object, whatever version is asked for.
FieldPath path_of(const Resource& resource, std::string_view name) {
  constexpr std::string_view kRegarding = "regarding.";
  if (resource.kind.group == "events.k8s.io" && name.starts_with(kRegarding))
    return {"involvedObject", std::string(name.substr(kRegarding.size()))};
  if (resource.kind.group == "events.k8s.io" && name == "reportingController") return {"reportingComponent"};
  if (resource.kind.kind == "Event" && name == "source") return {"source", "component"};
  if (resource.kind.kind == "Job" && name == "status.successful") return {"status", "succeeded"};
  FieldPath path;
  for (const std::string_view word : split(name, '.'))
    if (!word.empty()) path.emplace_back(word);
  return path;
}

// As Go writes what was never set; of custom kinds Kubernetes does not say it.
std::string absent_value(const Type* type, const FieldPath& path) {
  for (const std::string& word : path) {
    const Field* field = type == nullptr ? nullptr : type->find(word);
    type = field == nullptr ? nullptr : field->type;
  }
  if (type == nullptr) return {};
  switch (type->form) {
    case Form::Bool: return "false";
    case Form::Int32:
    case Form::Int64: return "0";
    default: return {};
  }
}

}  // namespace

StoredKind stored_kind_of(const Resource& resource) {
  StoredKind kind{.stored_as = resource.stored_as};
  for (const std::string& name : resource.selectable_fields)
    kind.fields.push_back({.name = name, .path = path_of(resource, name)});
  return kind;
}

std::vector<StoredKind> built_in_kinds() {
  std::vector<StoredKind> kinds;
  for (const Resource& resource : Catalog::built_in().resources()) {
    if (!resource.is_kept) continue;
    StoredKind kind = stored_kind_of(resource);
    for (SelectableField& field : kind.fields) field.absent = absent_value(resource.type, field.path);
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

}  // namespace gantry::kube
