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
    check.attribute.kind = Attribute::Kind::Name;
    return check;
  }
  if (requirement.field == "metadata.namespace") {
    check.attribute.kind = Attribute::Kind::Namespace;
    return check;
  }
  const auto field = std::ranges::find(selectable, requirement.field, &SelectableField::name);
  if (field == selectable.end())
    return bad_request(fmt::format("field label not supported: {}", requirement.field));
  check.attribute.kind = Attribute::Kind::Field;
  check.attribute.field = static_cast<std::size_t>(field - selectable.begin());
  check.attribute.absent = as_in_json(field->absent);
  check.value = as_in_json(requirement.value);
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
    if (check.attribute.kind == Attribute::Kind::Name) name = check.value;
    if (check.attribute.kind == Attribute::Kind::Namespace && name_space.empty()) name_space = check.value;
  }
  return name_space.empty() ? std::string() : object_path(name_space, name);
}

bool Selection::matches(const Object& object) const {
  if (!name_space_.empty() && object.name_space() != name_space_) return false;
  for (const Check& check : checks_)
    if ((check.attribute.of(object) == check.value) != check.is_equal) return false;
  return labels_.matches_by([&](std::string_view key) { return object.label(key); });
}

static bool says_it_is_there(LabelSelector::Operator op) {
  using enum LabelSelector::Operator;
  return op == Exists || op == GreaterThan || op == LessThan;
}

std::vector<Term> Selection::terms() const {
  using enum LabelSelector::Operator;
  std::vector<Term> terms;
  for (const Check& check : checks_)
    if (check.is_equal && check.attribute.kind != Attribute::Kind::Namespace)
      terms.push_back({check.attribute, {check.value}});
  for (const LabelSelector::Requirement& requirement : labels_.requirements()) {
    const Attribute label{.kind = Attribute::Kind::Label, .key = requirement.key};
    if (requirement.op == Equals || requirement.op == In)
      terms.push_back({label, requirement.values});
    else if (says_it_is_there(requirement.op))
      terms.push_back({label, {}});
  }
  return terms;
}

}  // namespace gantry::kube
