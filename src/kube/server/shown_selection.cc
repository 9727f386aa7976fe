// SPDX-License-Identifier: Apache-2.0
#include "kube/server/shown_selection.h"

#include <string>
#include <string_view>

#include "base/split.h"
#include "kube/api/tree_lists.h"
#include "kube/schema/versions.h"

namespace gantry::kube {
namespace {

bool may_differ_in_memory(const Resource& resource) {
  if (resource.versions == nullptr || !resource.versions->asks_others()) return false;
  return resource.kind != resource.stored_kind || resource.versions->has_older_stored();
}

// As selectors write it; empty where there is none.
std::string value_at(const json::Tree& object, std::string_view field) {
  const json::Tree* value = &object;
  for (const std::string_view word : split(field, '.'))
    if (value = value->find(word); value == nullptr) return {};
  if (value->is_null()) return {};
  return value->is_string() ? std::string(value->as_string()) : value->to_text();
}

}  // namespace

Answer<std::optional<ShownSelection>> ShownSelection::of(const ApiRequest& request) {
  if (!may_differ_in_memory(request.resource)) return std::nullopt;
  ShownSelection selection;
  selection.labels_ = TRY(LabelSelector::parse(request.read.label_selector));
  selection.fields_ = TRY(FieldSelector::parse(request.read.field_selector));
  const bool is_by_names =
      selection.fields_.requirements().size() == selection.fields_.of_names().requirements().size();
  if (selection.labels_.is_of_all() && is_by_names) return std::nullopt;
  return selection;
}

bool ShownSelection::matches(const json::Tree& object) const {
  return labels_.matches(member_of(member_of(object, "metadata"), "labels")) &&
         fields_.matches_by([&](std::string_view field) { return value_at(object, field); });
}

}  // namespace gantry::kube
