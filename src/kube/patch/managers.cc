// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/managers.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

namespace gantry::kube {
namespace {

using json::Tree;
using Operation = ManagerEntry::Operation;

constexpr const char* kAncient = "ancient-changes";

Answer<ManagerEntry> entry_of(const Tree& tree) {
  ManagerEntry entry;
  const std::string_view operation = tree.text_at("operation");
  if (operation != "Apply" && operation != "Update")
    return bad_request("managedFields: operation must be `Apply` or `Update`");
  entry.operation = operation == "Apply" ? Operation::Apply : Operation::Update;
  if (tree.text_at("fieldsType") != "FieldsV1")
    return bad_request("managedFields: fieldsType must be `FieldsV1`");
  entry.manager = tree.text_at("manager");
  entry.api_version = tree.text_at("apiVersion");
  if (entry.api_version.empty()) return bad_request("managedFields: apiVersion must not be empty");
  entry.subresource = tree.text_at("subresource");
  entry.time = tree.text_at("time");
  if (const Tree* fields = tree.find("fieldsV1")) entry.fields = TRY(FieldSet::from_tree(*fields));
  return entry;
}

Tree tree_of(ManagerEntry entry) {
  std::vector<json::TreeObject::Member> members;
  members.reserve(7);
  members.emplace_back("apiVersion", std::move(entry.api_version));
  members.emplace_back("fieldsType", "FieldsV1");
  members.emplace_back("fieldsV1", std::move(entry.fields).to_tree());
  if (!entry.manager.empty()) members.emplace_back("manager", std::move(entry.manager));
  members.emplace_back("operation", entry.operation == Operation::Apply ? "Apply" : "Update");
  if (!entry.subresource.empty()) members.emplace_back("subresource", std::move(entry.subresource));
  if (!entry.time.empty()) members.emplace_back("time", std::move(entry.time));
  return json::TreeObject(std::move(members));
}

FieldSet metadata_that_nobody_owns() {
  FieldSet metadata = FieldSet::place();
  std::vector<FieldSet::Child> fields;
  for (const char* name : {"clusterName", "creationTimestamp", "generation", "managedFields", "name",
                           "namespace", "resourceVersion", "selfLink", "uid"})
    fields.push_back({fmt::format("f:{}", name), FieldSet::place()});
  return metadata.unite(FieldSet::of(std::move(fields)));
}

const FieldSet& what_nobody_owns() {
  static const FieldSet kFields = [] {
    FieldSet fields = FieldSet::of({{"f:apiVersion", FieldSet::place()},
                                    {"f:kind", FieldSet::place()},
                                    {"f:metadata", metadata_that_nobody_owns()}});
    fields.add_self();  // the object as a whole
    return fields;
  }();
  return kFields;
}

}  // namespace

std::string ManagerEntry::text() const {
  std::string text = fmt::format("\"{}\"", manager);
  if (!subresource.empty()) fmt::format_to(std::back_inserter(text), " with subresource \"{}\"", subresource);
  if (operation == Operation::Apply) return text;
  fmt::format_to(std::back_inserter(text), " using {}", api_version);
  if (!time.empty()) fmt::format_to(std::back_inserter(text), " at {}", time);
  return text;
}

Answer<Managers> Managers::from_tree(const Tree* managed_fields) {
  Managers managers;
  if (managed_fields == nullptr) return managers;
  managers.entries_.reserve(managed_fields->array().size() + 1);
  for (const Tree& entry : managed_fields->array()) managers.entries_.push_back(TRY(entry_of(entry)));
  return managers;
}

Tree Managers::to_tree() && {
  std::ranges::sort(entries_, {}, [](const ManagerEntry& entry) {
    return std::tie(entry.operation, entry.time, entry.manager, entry.api_version, entry.subresource);
  });
  json::TreeArray list;
  list.reserve(entries_.size());
  for (ManagerEntry& entry : entries_) list.push_back(tree_of(std::move(entry)));
  return list;
}

ManagerEntry* Managers::find(const FieldManager& manager, Operation operation) {
  for (ManagerEntry& entry : entries_) {
    // Who applies has one entry, in whatever version.
    const bool is_version = operation == Operation::Apply || entry.api_version == manager.api_version;
    if (entry.operation == operation && is_version && entry.manager == manager.name &&
        entry.subresource == manager.subresource)
      return &entry;
  }
  return nullptr;
}

ManagerEntry& Managers::find_or_add(const FieldManager& manager, Operation operation) {
  if (ManagerEntry* entry = find(manager, operation)) return *entry;
  return entries_.emplace_back(ManagerEntry{.manager = manager.name,
                                            .operation = operation,
                                            .api_version = manager.api_version,
                                            .subresource = manager.subresource,
                                            .time = {},
                                            .fields = {}});
}

void Managers::drop_empty() {
  std::erase_if(entries_, [](const ManagerEntry& entry) { return entry.fields.empty(); });
}

void Managers::merge_oldest() {
  std::vector<ManagerEntry*> updaters;
  for (ManagerEntry& entry : entries_)
    if (entry.operation == Operation::Update) updaters.push_back(&entry);
  if (updaters.size() <= kUpdateManagers) return;
  std::ranges::sort(updaters, {},
                    [](const ManagerEntry* entry) { return std::tie(entry->time, entry->manager); });
  std::size_t count = updaters.size();
  std::map<std::string_view, ManagerEntry*> ancient;  // by version
  for (ManagerEntry* entry : updaters) {
    if (count <= kUpdateManagers) break;
    const auto [same, is_first] = ancient.emplace(entry->api_version, entry);
    if (is_first) {
      entry->manager = kAncient;
      entry->subresource.clear();
      continue;
    }
    same->second->fields.unite(std::exchange(entry->fields, {}));
    same->second->time = entry->time;
    --count;
  }
  drop_empty();
}

void strip(FieldSet& fields, const FieldManager& manager) {
  fields.subtract(what_nobody_owns());
  for (const std::string_view field : manager.without) fields.erase(fmt::format("f:{}", field));
}

}  // namespace gantry::kube
