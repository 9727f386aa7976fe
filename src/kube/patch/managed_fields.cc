// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/managed_fields.h"

#include "kube/patch/changes_by_version.h"
#include "kube/patch/managers.h"

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

Answer<void> add_changes(Managers& managers, ChangesByVersion& changes, const FieldManager& manager) {
  for (ManagerEntry& entry : managers.entries()) {
    const FieldChanges* seen = TRY(changes.in(entry.api_version));
    if (seen == nullptr)
      entry.fields = FieldSet();  // of a version that is no more
    else
      entry.fields.subtract(seen->changed).subtract(seen->removed);
  }
  if (FieldSet changed = TRY(changes.take_changed()); !changed.empty()) {
    ManagerEntry& own = managers.find_or_add(manager, Operation::Update);
    own.fields.unite(std::move(changed));
    own.time = manager.time;
  }
  managers.drop_empty();
  managers.merge_oldest();
  return {};
}

}  // namespace

Answer<void> track_update(const Type& type, const Tree* live, Tree& object, const FieldManager& manager,
                          const Versions* versions) {
  json::TreeObject& metadata = object.object()["metadata"].object();
  Managers managers = managers_before(metadata.find("managedFields"), live);
  metadata.erase("managedFields");
  if (live != nullptr && managers.empty()) return {};
  ChangesByVersion changes(type, versions, manager, live, object);
  const FieldChanges& own = *TRY(changes.in(manager.api_version));
  if (!own.changed.empty() || !own.removed.empty()) TRY(add_changes(managers, changes, manager));
  if (!managers.empty()) metadata["managedFields"] = std::move(managers).to_tree();
  return {};
}

}  // namespace gantry::kube
