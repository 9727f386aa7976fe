// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/selection.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"

namespace gantry::kube {

// What a string looks like between the quotes of our JSON.
static std::string as_in_json(const std::string& text) {
  json::Writer writer;
  writer.value(text);
  const std::string quoted = std::move(writer).text();
  return quoted.substr(1, quoted.size() - 2);
}

Answer<Selection::Check> Selection::compile(const FieldSelector::Requirement& requirement,
                                            const std::vector<SelectableField>& selectable) {
  Check check{.value = requirement.value, .is_equal = requirement.is_equal};
  if (requirement.field == "metadata.name") {
    check.of = Check::Of::Name;
    return check;
  }
  if (requirement.field == "metadata.namespace") {
    check.of = Check::Of::Namespace;
    return check;
  }
  const auto field = std::ranges::find(selectable, requirement.field, &SelectableField::name);
  if (field == selectable.end())
    return bad_request(fmt::format("field label not supported: {}", requirement.field));
  check.index = static_cast<std::size_t>(field - selectable.begin());
  check.value = as_in_json(requirement.value);
  check.is_absent_equal = requirement.value == field->absent;
  return check;
}

Answer<Selection> Selection::make(std::string name_space, LabelSelector labels, const FieldSelector& fields,
                                  const std::vector<SelectableField>& selectable) {
  Selection selection;
  selection.name_space_ = std::move(name_space);
  selection.labels_ = std::move(labels);
  for (const FieldSelector::Requirement& requirement : fields.requirements())
    selection.checks_.push_back(TRY(compile(requirement, selectable)));
  selection.prefix_ = selection.prefix_of_paths();
  return selection;
}

std::string Selection::prefix_of_paths() const {
  std::string_view name_space = name_space_, name;
  for (const Check& check : checks_) {
    if (!check.is_equal) continue;
    if (check.of == Check::Of::Name) name = check.value;
    if (check.of == Check::Of::Namespace && name_space.empty()) name_space = check.value;
  }
  return name_space.empty() ? std::string() : object_path(name_space, name);
}

bool Selection::Check::is_met_by(const Object& object) const {
  if (of == Of::Name) return (object.name() == value) == is_equal;
  if (of == Of::Namespace) return (object.name_space() == value) == is_equal;
  const std::string_view found = object.field(index);
  return (found.empty() ? is_absent_equal : found == value) == is_equal;
}

bool Selection::matches(const Object& object) const {
  if (!name_space_.empty() && object.name_space() != name_space_) return false;
  for (const Check& check : checks_)
    if (!check.is_met_by(object)) return false;
  return labels_.matches_by([&](std::string_view key) { return object.label(key); });
}

}  // namespace gantry::kube
