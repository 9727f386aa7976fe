// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/managed_fields.h"

#include "kube/patch/managers.h"
#include "kube/patch/typed_fields.h"

namespace gantry::kube {
namespace {

using json::Tree;
using Operation = ManagerEntry::Operation;

// [{}]: who sends it wants nobody to own anything.
bool asks_for_none(const Tree* managed_fields) {
  return managed_fields != nullptr && managed_fields->array().size() == 1 &&
         managed_fields->array().front().is_object() && managed_fields->array().front().object().empty();
}

// What the client sent, or what is there.
Managers managers_before(const Tree* sent, const Tree* live) {
  if (asks_for_none(sent)) return {};
  if (auto managers = Managers::from_tree(sent); managers && !managers->empty()) return std::move(*managers);
  if (live == nullptr) return {};
  auto managers = Managers::from_tree(live->find("metadata", "managedFields"));
  return managers ? std::move(*managers) : Managers();
}

void add_changes(Managers& managers, const FieldChanges& changes, const FieldManager& manager) {
  for (ManagerEntry& entry : managers.entries())
    entry.fields.subtract(changes.changed).subtract(changes.removed);
  if (!changes.changed.empty()) {
    ManagerEntry& own = managers.find_or_add(manager, Operation::Update);
    own.fields.unite(changes.changed);
    own.time = manager.time;
  }
  managers.drop_empty();
  managers.merge_oldest();
}

}  // namespace

void track_update(const Type& type, const Tree* live, Tree& object, const FieldManager& manager) {
  static const Tree kNothing{json::TreeObject()};
  json::TreeObject& metadata = object.object()["metadata"].object();
  Managers managers = managers_before(metadata.find("managedFields"), live);
  metadata.erase("managedFields");
  if (live != nullptr && managers.empty()) return;
  FieldChanges changes = compare_fields(type, live == nullptr ? kNothing : *live, object);
  strip(changes.changed, manager);
  strip(changes.removed, manager);
  if (!changes.changed.empty() || !changes.removed.empty()) add_changes(managers, changes, manager);
  if (!managers.empty()) metadata["managedFields"] = std::move(managers).to_tree();
}

}  // namespace gantry::kube
