// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/typed_fields.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "kube/patch/merge_objects.h"

namespace gantry::kube {
namespace {

using json::Tree;
using json::TreeArray;
using json::TreeObject;
using Children = std::vector<FieldSet::Child>;

const Type kAny{.form = Form::Any};

bool is_seen_by_fields(const Type& type, const Tree& value) { return value.is_object() && !type.is_atomic; }
bool is_seen_by_elements(const Type& type, const Tree& value) {
  return value.is_array() && type.form == Form::List && type.list_kind != ListKind::Atomic;
}

const Type& type_in(const Type& type, std::string_view key) {
  const Field* field = type.find(key);
  if (field != nullptr && field->type != nullptr) return *field->type;
  return type.form == Form::Map && type.element != nullptr ? *type.element : kAny;
}
const Type& element_type(const Type& list) { return list.element == nullptr ? kAny : *list.element; }

Step step_to(std::string_view field) { return Step("f:").append(field); }

// A key that an element does not say may have a default.
const Tree* key_value(const Type& element_type, const Tree& element, const std::string& key) {
  if (const Tree* value = element.find(key)) return value;
  const Field* field = element_type.find(key);
  return field != nullptr && field->fallback ? &*field->fallback : nullptr;
}

// The keys as JSON, in their order, or nothing if the element has none.
std::string keys_json(const Type& list, const Tree& element) {
  json::Writer writer;
  writer.begin_object();
  bool has_some = false;
  for (const std::string& key : list.list_keys)
    if (const Tree* value = key_value(element_type(list), element, key)) {
      value->write_to(writer.key(key));
      has_some = true;
    }
  return has_some ? std::move(writer.end_object()).text() : std::string();
}

// `index`: for what has no key at all. Lists name their keys in order, or are brought into it once.
Step step_to(const Type& list, const Tree& element, std::size_t index) {
  if (list.list_kind == ListKind::Set) return Step("v:").append(element.to_text());
  std::string keys = keys_json(list, element);
  if (keys.empty()) return Step("i:").append(std::to_string(index));
  if (!std::ranges::is_sorted(list.list_keys))
    if (const auto sorted = Tree::parse(keys)) keys = sorted->to_text();
  return Step("k:").append(keys);
}

std::vector<Step> steps_to(const Type& list, const TreeArray& elements) {
  std::vector<Step> steps;
  steps.reserve(elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i) steps.push_back(step_to(list, elements[i], i));
  return steps;
}

// Where the first element of each step stands. Most lists are so short that looking through them is quickest.
class Places {
 public:
  explicit Places(const std::vector<Step>& steps) : steps_(steps) {
    if (steps.size() <= kShort) return;
    index_.reserve(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) index_.emplace(steps[i], i);
  }

  std::optional<std::size_t> find(const Step& step) const {
    if (steps_.size() <= kShort) {
      const auto at = std::ranges::find(steps_, step);
      return at == steps_.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - steps_.begin()));
    }
    const auto at = index_.find(step);
    return at == index_.end() ? std::nullopt : std::optional(at->second);
  }

 private:
  static constexpr std::size_t kShort = 16;
  const std::vector<Step>& steps_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

// Whether that a map is there at all counts beside its members.
enum class Maps : std::uint8_t { ByMembers, Marked };

FieldSet fields_in(const Type& type, const Tree& value, Maps maps) {
  if (is_seen_by_fields(type, value)) {
    if (value.object().empty()) return FieldSet::place();
    Children children;
    children.reserve(value.object().size());
    for (const auto& [key, member] : value.object())
      children.push_back({step_to(key), fields_in(type_in(type, key), member, maps)});
    FieldSet set = FieldSet::of(std::move(children));
    if (maps == Maps::Marked && type.form == Form::Map) set.add_self();
    return set;
  }
  if (!is_seen_by_elements(type, value)) return FieldSet::place();
  Children children;
  children.reserve(value.array().size());
  for (std::size_t i = 0; i < value.array().size(); ++i) {
    const Tree& element = value.array()[i];
    FieldSet below = fields_in(element_type(type), element, maps);
    below.add_self();
    children.push_back({step_to(type, element, i), std::move(below)});
  }
  return FieldSet::of(std::move(children));
}

// Everything in a value that was not there before, or is not any more.
FieldSet whole(const Type& type, const Tree& value) {
  FieldSet set = fields_in(type, value, Maps::Marked);
  if (set.empty()) set.add_self();  // a list without elements
  return set;
}

// What differs below one place, a step at a time.
struct Parts {
  Children changed;
  Children removed;

  void add(Step step, FieldChanges changes) {
    if (!changes.changed.empty()) changed.push_back({step, std::move(changes.changed)});
    if (!changes.removed.empty()) removed.push_back({std::move(step), std::move(changes.removed)});
  }
  FieldChanges take() && { return {FieldSet::of(std::move(changed)), FieldSet::of(std::move(removed))}; }
};

FieldChanges compare_objects(const Type& type, const TreeObject& before, const TreeObject& after) {
  Parts parts;
  auto old = before.begin();
  const auto remove = [&] {
    FieldSet gone = whole(type_in(type, old->first), old->second);
    gone.add_self();
    parts.removed.push_back({step_to(old->first), std::move(gone)});
    ++old;
  };
  for (const auto& [key, value] : after) {
    while (old != before.end() && old->first < key) remove();
    const Type& inner = type_in(type, key);
    if (old == before.end() || old->first != key) {
      parts.changed.push_back({step_to(key), whole(inner, value)});
      continue;
    }
    FieldChanges below = compare_fields(inner, (old++)->second, value);
    if (!below.changed.empty() || !below.removed.empty()) parts.add(step_to(key), std::move(below));
  }
  while (old != before.end()) remove();
  return std::move(parts).take();
}

FieldChanges compare_lists(const Type& list, const TreeArray& before, const TreeArray& after) {
  if (before == after) return {};
  const Type& element = element_type(list);
  const std::vector<Step> old_steps = steps_to(list, before);
  const std::vector<Step> new_steps = steps_to(list, after);
  const Places old_places(old_steps);
  const Places new_places(new_steps);
  const auto element_fields = [&](const Tree& value) {
    FieldSet fields = whole(element, value);
    fields.add_self();
    return fields;
  };
  Parts parts;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const auto old = old_places.find(new_steps[i]);
    parts.add(new_steps[i], !old ? FieldChanges{.changed = element_fields(after[i])}
                                 : compare_fields(element, before[*old], after[i]));
  }
  for (std::size_t i = 0; i < before.size(); ++i)
    if (!new_places.find(old_steps[i])) parts.add(old_steps[i], {.removed = element_fields(before[i])});
  return std::move(parts).take();
}

// Elements of both lists: those of the live one stay where they are, those of both come in the order that is
// applied, and what is new after those that stood there.
TreeArray merge_lists(const Type& list, TreeArray live, TreeArray applied) {
  const std::vector<Step> live_steps = steps_to(list, live);
  const std::vector<Step> applied_steps = steps_to(list, applied);
  const Places live_places(live_steps);
  const Places applied_places(applied_steps);
  TreeArray merged;
  merged.reserve(live.size() + applied.size());
  std::vector<bool> is_taken(live.size());
  std::size_t next = 0;  // of the live ones
  const auto take_live_alone = [&] {
    for (; next < live.size(); ++next) {
      if (is_taken[next]) continue;
      if (applied_places.find(live_steps[next])) return;
      merged.push_back(std::move(live[next]));
    }
  };
  for (std::size_t i = 0; i < applied.size(); ++i) {
    take_live_alone();
    const auto place = live_places.find(applied_steps[i]);
    if (!place) {
      merged.push_back(std::move(applied[i]));
    } else {
      is_taken[*place] = true;
      merged.push_back(merge_fields(element_type(list), std::move(live[*place]), std::move(applied[i])));
    }
  }
  // Further ones of a key that the live list has twice stand at the end.
  for (std::size_t i = next; i < live.size(); ++i)
    if (!is_taken[i]) merged.push_back(std::move(live[i]));
  return merged;
}

void remove_members(const Type& type, TreeObject& object, const FieldSet& last, const FieldSet& owned) {
  std::vector<TreeObject::Member> kept;
  kept.reserve(object.size());
  for (auto& [key, value] : object) {
    const Step step = step_to(key);
    const FieldSet* below = last.find(step);
    const FieldSet* held = owned.find(step);
    if (below != nullptr && held == nullptr) continue;
    if (below != nullptr) remove_fields(type_in(type, key), value, *below, *held);
    kept.emplace_back(key, std::move(value));
  }
  object = TreeObject(std::move(kept));
}

// An element that stays keeps what tells it apart, whoever owned that.
void remove_in_element(const Type& list, Tree& element, FieldSet last, const FieldSet* owned) {
  static const FieldSet kNothing;
  for (const std::string& key : list.list_keys) last.erase(step_to(key));
  remove_fields(element_type(list), element, last, owned == nullptr ? kNothing : *owned);
}

void remove_elements(const Type& list, TreeArray& elements, const FieldSet& last, const FieldSet& owned) {
  TreeArray kept;
  kept.reserve(elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const Step step = step_to(list, elements[i], i);
    const FieldSet* below = last.find(step);
    const FieldSet* held = owned.find(step);
    if (below != nullptr && held == nullptr && below->is_member()) continue;
    if (below != nullptr) remove_in_element(list, elements[i], *below, held);
    kept.push_back(std::move(elements[i]));
  }
  elements = std::move(kept);
}

std::optional<std::string> list_key_fault(const Type& list, const TreeArray& elements) {
  std::vector<Step> steps = steps_to(list, elements);
  for (std::size_t i = 0; i < elements.size(); ++i)
    if (list.list_kind == ListKind::Map && steps[i].starts_with("i:"))
      return fmt::format(
          ": element {}: associative list with keys has an element that omits key field \"{}\"", i,
          list.list_keys.empty() ? "" : list.list_keys.front());
  std::ranges::sort(steps);
  const auto twice = std::ranges::adjacent_find(steps);
  if (twice == steps.end()) return std::nullopt;
  Children one;
  one.push_back({*twice, FieldSet::place()});
  return fmt::format(": duplicate entries for key {}", FieldSet::of(std::move(one)).paths().front());
}

void add_atomic_places(const Type& type, const Tree& value, const std::string& path,
                       std::vector<std::string>& places) {
  if (value.is_object()) {
    if (type.is_atomic) places.push_back(path);
    for (const auto& [key, member] : value.object())
      add_atomic_places(type_in(type, key), member, fmt::format("{}.{}", path, key), places);
  } else if (value.is_array()) {
    if (!is_seen_by_elements(type, value)) places.push_back(path);
    for (std::size_t i = 0; i < value.array().size(); ++i)
      add_atomic_places(element_type(type), value.array()[i], fmt::format("{}[{}]", path, i), places);
  }
}

}  // namespace

std::vector<std::string> atomic_places(const Type& type, const Tree& value) {
  std::vector<std::string> places;
  add_atomic_places(type, value, "", places);
  return places;
}

FieldSet fields_of(const Type& type, const Tree& value) { return fields_in(type, value, Maps::ByMembers); }

std::optional<std::string> key_fault(const Type& type, const Tree& value) {
  if (is_seen_by_fields(type, value)) {
    for (const auto& [key, member] : value.object())
      if (const auto fault = key_fault(type_in(type, key), member)) return fmt::format(".{}{}", key, *fault);
    return std::nullopt;
  }
  if (!is_seen_by_elements(type, value)) return std::nullopt;
  if (auto fault = list_key_fault(type, value.array())) return fault;
  for (std::size_t i = 0; i < value.array().size(); ++i)
    if (const auto fault = key_fault(element_type(type), value.array()[i]))
      return fmt::format("[{}]{}", i, *fault);
  return std::nullopt;
}

FieldChanges compare_fields(const Type& type, const Tree& before, const Tree& after) {
  if (is_seen_by_fields(type, before) && is_seen_by_fields(type, after))
    return compare_objects(type, before.object(), after.object());
  if (is_seen_by_elements(type, before) && is_seen_by_elements(type, after))
    return compare_lists(type, before.array(), after.array());
  if (before == after) return {};
  return {.changed = FieldSet::place()};
}

Tree merge_fields(const Type& type, Tree live, Tree applied) {
  if (is_seen_by_fields(type, live) && is_seen_by_fields(type, applied))
    return merge_objects(std::move(live.object()), std::move(applied.object()),
                         [&](std::string_view key, Tree* before, Tree& change) -> std::optional<Tree> {
                           if (before == nullptr) return std::move(change);
                           return merge_fields(type_in(type, key), std::move(*before), std::move(change));
                         });
  if (is_seen_by_elements(type, live) && is_seen_by_elements(type, applied))
    return merge_lists(type, std::move(live.array()), std::move(applied.array()));
  return applied;
}

void remove_fields(const Type& type, Tree& value, const FieldSet& last, const FieldSet& owned) {
  if (is_seen_by_fields(type, value))
    remove_members(type, value.object(), last, owned);
  else if (is_seen_by_elements(type, value))
    remove_elements(type, value.array(), last, owned);
}

}  // namespace gantry::kube
