// SPDX-License-Identifier: Apache-2.0
//
// metadata.managedFields, read: who owns which fields of one object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/patch/field_set.h"
#include "kube/patch/managed_fields.h"

namespace gantry::kube {

// meta/v1 ManagedFieldsEntry.
struct ManagerEntry {
  enum class Operation : std::uint8_t { Apply, Update };

  std::string manager;
  Operation operation = Operation::Update;
  std::string api_version;
  std::string subresource;
  std::string time;  // RFC 3339; empty: not said
  FieldSet fields;

  // `"kubectl" using apps/v1 at 2026-11-21T10:00:00Z`: what conflicts say.
  std::string text() const;
};

class Managers {
 public:
  // Nothing is read as no managers; 400 BadRequest for what cannot be read.
  static Answer<Managers> from_tree(const json::Tree* managed_fields);
  // In the order in which clients know them: appliers first, then by time.
  json::Tree to_tree() &&;

  bool empty() const { return entries_.empty(); }
  std::vector<ManagerEntry>& entries() { return entries_; }

  // The one that `manager` writes to; null if there is none.
  ManagerEntry* find(const FieldManager& manager, ManagerEntry::Operation operation);
  ManagerEntry& find_or_add(const FieldManager& manager, ManagerEntry::Operation operation);
  void drop_empty();
  // Makes one of the oldest that update, when there are more of them than kUpdateManagers.
  void merge_oldest();

 private:
  std::vector<ManagerEntry> entries_;
};

// Takes away what no manager owns: what every object has, and what a request of `manager` cannot set.
void strip(FieldSet& fields, const FieldManager& manager);

}  // namespace gantry::kube
