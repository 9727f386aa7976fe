// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/naming.h"

#include <algorithm>
#include <set>
#include <string>

#include <fmt/format.h>

namespace gantry::kube::custom {
namespace {

using json::Tree;
using json::TreeArray;
using json::TreeObject;

const Tree* condition(const Tree& definition, std::string_view type) {
  const Tree* const conditions = definition.find("status", "conditions");
  if (conditions == nullptr) return nullptr;
  const auto at = std::ranges::find_if(conditions->array(),
                                       [&](const Tree& each) { return each.text_at("type") == type; });
  return at == conditions->array().end() ? nullptr : &*at;
}

bool is_true(const Tree& definition, std::string_view type) {
  const Tree* const found = condition(definition, type);
  return found != nullptr && found->text_at("status") == "True";
}

// The time stays when the status does.
void set_condition(Tree& definition, Tree made, std::string_view now) {
  const std::string type(made.text_at("type"));
  made.object()["lastTransitionTime"] = now;
  TreeArray& conditions = definition.object()["status"].object()["conditions"].array();
  for (Tree& each : conditions) {
    if (each.text_at("type") != type) continue;
    if (each.text_at("status") == made.text_at("status") && each.find("lastTransitionTime") != nullptr)
      made.object()["lastTransitionTime"] = std::string(each.text_at("lastTransitionTime"));
    each = std::move(made);
    return;
  }
  conditions.push_back(std::move(made));
}

Tree make_condition(std::string_view type, std::string_view status, std::string_view reason,
                    std::string_view message) {
  TreeObject made;
  made["type"] = type;
  made["status"] = status;
  made["reason"] = reason;
  made["message"] = message;
  return made;
}

// The names that other definitions of the group hold.
struct Taken {
  std::set<std::string_view> resources;
  std::set<std::string_view> kinds;
};

Taken taken_by_others(const Tree& definition, std::span<const Tree> all) {
  Taken taken;
  for (const Tree& other : all) {
    if (other.text_at("metadata", "name") == definition.text_at("metadata", "name")) continue;
    if (other.text_at("spec", "group") != definition.text_at("spec", "group")) continue;
    const Tree* const names = other.find("status", "acceptedNames");
    if (names == nullptr) continue;
    taken.resources.insert({names->text_at("plural"), names->text_at("singular")});
    if (const Tree* const short_names = names->find("shortNames"))
      for (const Tree& name : short_names->array()) taken.resources.insert(name.as_string());
    taken.kinds.insert({names->text_at("kind"), names->text_at("listKind")});
  }
  taken.resources.erase("");
  taken.kinds.erase("");
  return taken;
}

// Accepts each name that is free, one by one; the last that is not, as a condition.
class Naming {
 public:
  Naming(Tree& definition, const Taken& taken) : definition_(definition), taken_(taken) {}

  Tree settle() {
    accept("plural", taken_.resources, "PluralConflict");
    accept("singular", taken_.resources, "SingularConflict");
    accept_short_names();
    accept("kind", taken_.kinds, "KindConflict");
    accept("listKind", taken_.kinds, "ListKindConflict");
    take_over("categories");
    return std::move(condition_);
  }

 private:
  void accept(std::string_view field, const std::set<std::string_view>& taken, std::string_view conflict) {
    const std::string_view wanted = definition_.text_at("spec", "names", field);
    if (taken.contains(wanted))
      refuse(conflict, fmt::format("\"{}\" is already in use", wanted));
    else
      take_over(field);
  }

  void accept_short_names() {
    const Tree* const wanted = definition_.find("spec", "names", "shortNames");
    std::string conflicts;
    for (const Tree& name : wanted == nullptr ? TreeArray() : wanted->array())
      if (taken_.resources.contains(name.as_string()))
        fmt::format_to(std::back_inserter(conflicts), "{}\"{}\" is already in use",
                       conflicts.empty() ? "" : ", ", name.as_string());
    if (conflicts.empty())
      take_over("shortNames");
    else
      refuse("ShortNamesConflict", conflicts);
  }

  void take_over(std::string_view field) {
    const Tree* const wanted = definition_.find("spec", "names", field);
    Tree copy = wanted == nullptr ? Tree() : *wanted;
    TreeObject& accepted = definition_.object()["status"].object()["acceptedNames"].object();
    if (copy.is_null())
      accepted.erase(field);
    else
      accepted[field] = std::move(copy);
  }

  void refuse(std::string_view reason, std::string_view message) {
    condition_ = make_condition("NamesAccepted", "False", reason, message);
  }

  Tree& definition_;
  const Taken& taken_;
  Tree condition_ = make_condition("NamesAccepted", "True", "NoConflicts", "no conflicts found");
};

// Once a version was the stored one, objects of it may be there until somebody says otherwise.
void note_stored_version(Tree& definition) {
  const Tree* const versions = definition.find("spec", "versions");
  if (versions == nullptr) return;
  for (const Tree& version : versions->array()) {
    const Tree* const is_stored = version.find("storage");
    if (is_stored == nullptr || !is_stored->as_bool()) continue;
    const Tree name(version.text_at("name"));
    TreeArray& stored = definition.object()["status"].object()["storedVersions"].array();
    if (std::ranges::find(stored, name) == stored.end()) stored.push_back(name);
    return;
  }
}

}  // namespace

bool is_established(const Tree& definition) { return is_true(definition, "Established"); }

void settle_status(Tree& definition, std::span<const Tree> all, std::string_view now) {
  const Taken taken = taken_by_others(definition, all);
  set_condition(definition, Naming(definition, taken).settle(), now);
  if (!is_established(definition))
    set_condition(definition,
                  is_true(definition, "NamesAccepted")
                      ? make_condition("Established", "True", "InitialNamesAccepted",
                                       "the initial names have been accepted")
                      : make_condition("Established", "False", "NotAccepted", "not all names are accepted"),
                  now);
  note_stored_version(definition);
}

}  // namespace gantry::kube::custom
