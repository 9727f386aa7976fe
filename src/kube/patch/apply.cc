// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/apply.h"

#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "kube/api/names.h"
#include "kube/patch/changes_by_version.h"
#include "kube/patch/managers.h"

namespace gantry::kube {
namespace {

using json::Tree;
using json::TreeObject;
using Operation = ManagerEntry::Operation;

// Where kubectl keeps what it applied on the client's side.
constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr std::string_view kKubectl = "kubectl";
constexpr const char* kBeforeApply = "before-first-apply";

// The live object as something to merge into; nothing if there is none.
Tree without_managed_fields(const Tree* live) {
  if (live == nullptr) return TreeObject();
  std::vector<TreeObject::Member> members;
  members.reserve(live->object().size());
  for (const auto& [key, value] : live->object()) {
    if (key != "metadata") {
      members.emplace_back(key, value);
      continue;
    }
    std::vector<TreeObject::Member> metadata;
    for (const auto& member : value.object())
      if (member.first != "managedFields") metadata.push_back(member);
    members.emplace_back(key, TreeObject(std::move(metadata)));
  }
  return TreeObject(std::move(members));
}

Answer<void> check_applied(const Type& type, const Tree& applied) {
  const Tree* managed = applied.find("metadata", "managedFields");
  if (managed != nullptr && !managed->array().empty())
    return bad_request("metadata.managedFields must be nil");
  if (const auto fault = key_fault(type, applied))
    return bad_request(fmt::format("failed to create typed patch object: {}", *fault));
  return {};
}

// Of an object that nobody was written down for, everything is somebody's from before.
Answer<Managers> managers_of(const Type& type, const Tree* live, const FieldManager& manager) {
  if (live == nullptr) return Managers();
  Managers managers = TRY(Managers::from_tree(live->find("metadata", "managedFields")));
  if (managers.empty()) {
    FieldManager before = manager;
    before.name = kBeforeApply;
    ManagerEntry& entry = managers.find_or_add(before, Operation::Update);
    entry.fields = fields_of(type, *live);
    entry.time = manager.time;
    strip(entry.fields, manager);
  }
  return managers;
}

class Application {
 public:
  Application(const Type& type, const Versions* versions, const Tree* live, const FieldManager& manager,
              Managers managers)
      : type_(type), versions_(versions), live_(live), manager_(manager), managers_(std::move(managers)) {
    ManagerEntry* own = managers_.find(manager, Operation::Apply);
    if (own == nullptr) return;
    last_ = std::move(own->fields);
    last_version_ = own->api_version;
  }

  Answer<std::optional<Tree>> run(const Tree& applied, OnConflict on_conflict) {
    FieldSet fields = fields_of(type_, applied);
    strip(fields, manager_);
    Tree merged =
        TRY(without_what_he_dropped(merge_fields(type_, without_managed_fields(live_), applied), fields));
    ChangesByVersion changes(type_, versions_, manager_, live_, merged);
    if (live_ != nullptr) {
      TRY(take_from_others(changes, on_conflict));
      const FieldChanges& seen = *TRY(changes.in(manager_.api_version));
      // Who owns nothing is not written down, nor in which version he owns it.
      const bool owns_same = fields == last_ && (fields.empty() || last_version_ == manager_.api_version);
      if (seen.changed.empty() && seen.removed.empty() && owns_same) return std::optional<Tree>();
    }
    keep_last_applied(merged, applied);
    own(std::move(fields));
    managers_.drop_empty();
    managers_.merge_oldest();
    if (!managers_.empty())
      merged.object()["metadata"].object()["managedFields"] = std::move(managers_).to_tree();
    return std::optional<Tree>(std::move(merged));
  }

 private:
  struct Conflict {
    ManagerEntry* entry;
    FieldSet fields;
  };

  bool is_own(const ManagerEntry& entry) const {
    return entry.operation == Operation::Apply && entry.manager == manager_.name &&
           entry.subresource == manager_.subresource;
  }

  const Type* type_in(const std::string& version) const {
    if (version == manager_.api_version) return &type_;
    return versions_ == nullptr ? nullptr : type_of(*versions_, version);
  }
  Answer<Tree> converted(const Tree& object, const std::string& from, const std::string& to) const {
    return from == to ? object : convert(*versions_, object, to);
  }
  // What somebody owns who set it in that version; `fields`: his own, of now.
  FieldSet owned_in(const std::string& version, const FieldSet& fields) {
    FieldSet owned;
    if (version == manager_.api_version) owned = fields;
    for (const ManagerEntry& entry : managers_.entries())
      if (!is_own(entry) && entry.api_version == version) owned.unite(entry.fields);
    return owned;
  }
  std::set<std::string> versions_of_owners() {
    std::set<std::string> versions{manager_.api_version};
    for (const ManagerEntry& entry : managers_.entries())
      if (!is_own(entry) && type_in(entry.api_version) != nullptr) versions.insert(entry.api_version);
    return versions;
  }

  // It goes in the version in which he applied it; who owns it in another has it back there.
  Answer<Tree> without_what_he_dropped(Tree merged, const FieldSet& fields) {
    const std::string& own = manager_.api_version;
    if (last_version_ == own && last_.is_within(fields)) return merged;
    if (last_.empty() || type_in(last_version_) == nullptr) return merged;
    std::string version = last_version_;
    Tree less = TRY(converted(merged, own, version));
    remove_fields(*type_in(version), less, last_, owned_in(version, fields));
    std::set<std::string> others = versions_of_owners();
    others.erase(last_version_);
    for (const std::string& other : others) {
      Tree whole = TRY(converted(merged, own, other));
      less = TRY(converted(less, version, other));
      const FieldSet removed = compare_fields(*type_in(other), whole, less).removed;
      remove_fields(*type_in(other), whole, removed, owned_in(other, fields));
      less = std::move(whole);
      version = other;
    }
    return converted(less, version, own);
  }

  // So that who goes on applying on the client's side compares with what is there.
  void keep_last_applied(Tree& merged, const Tree& applied) const {
    if (manager_.name != kKubectl || live_ == nullptr ||
        live_->find("metadata", "annotations", kLastApplied) == nullptr)
      return;
    TreeObject& annotations = merged.object()["metadata"].object()["annotations"].object();
    std::string text = applied.to_text();
    if (text.size() > kAnnotationsSize)
      annotations.erase(kLastApplied);
    else
      annotations[kLastApplied] = std::move(text);
  }

  // What kubectl has said on the client's side is his on the server's, too.
  FieldSet said_before() const {
    if (manager_.name != kKubectl || live_ == nullptr) return {};
    const std::string_view text = live_->text_at("metadata", "annotations", kLastApplied);
    const auto said = Tree::parse(std::string(text));
    return said ? fields_of(type_, *said) : FieldSet();
  }

  Answer<void> take_from_others(ChangesByVersion& changes, OnConflict on_conflict) {
    std::vector<Conflict> conflicts;
    for (ManagerEntry& entry : managers_.entries()) {
      if (is_own(entry)) continue;
      const FieldChanges* seen = TRY(changes.in(entry.api_version));
      if (seen == nullptr) continue;
      if (FieldSet both = entry.fields.intersected(seen->changed); !both.empty())
        conflicts.push_back({&entry, std::move(both)});
    }
    if (!conflicts.empty() && on_conflict == OnConflict::Refuse) TRY(refuse(conflicts));
    for (ManagerEntry& entry : managers_.entries()) {
      if (is_own(entry)) continue;
      const FieldChanges* seen = TRY(changes.in(entry.api_version));
      if (seen == nullptr)
        entry.fields = FieldSet();  // of a version that is no more
      else
        entry.fields.subtract(seen->changed).subtract(seen->removed);
    }
    return {};
  }

  Answer<void> refuse(const std::vector<Conflict>& conflicts) const {
    const FieldSet allowed = said_before();
    std::map<std::string, std::vector<std::string>> paths_of;  // by manager
    std::vector<Cause> causes;
    for (const Conflict& conflict : conflicts) {
      FieldSet fields = conflict.fields;
      for (std::string& path : fields.subtract(allowed).paths()) {
        const std::string who = conflict.entry->text();
        causes.push_back({"FieldManagerConflict", fmt::format("conflict with {}", who), path});
        paths_of[who].push_back(std::move(path));
      }
    }
    if (causes.empty()) return {};
    Status status({.code = 409, .reason = "Conflict", .message = conflict_text(causes, paths_of)});
    status->causes = std::move(causes);
    return status;
  }

  static std::string conflict_text(const std::vector<Cause>& causes,
                                   const std::map<std::string, std::vector<std::string>>& paths_of) {
    if (causes.size() == 1)
      return fmt::format("Apply failed with 1 conflict: {}: {}", causes.front().message,
                         causes.front().field);
    std::string text = fmt::format("Apply failed with {} conflicts: ", causes.size());
    for (const auto& [who, paths] : paths_of) {
      fmt::format_to(std::back_inserter(text), "conflicts with {}:\n", who);
      for (const std::string& path : paths) fmt::format_to(std::back_inserter(text), "- {}\n", path);
    }
    text.pop_back();
    return text;
  }

  void own(FieldSet fields) {
    ManagerEntry& entry = managers_.find_or_add(manager_, Operation::Apply);
    entry.fields = std::move(fields);
    entry.api_version = manager_.api_version;
    entry.time = manager_.time;
  }

  const Type& type_;
  const Versions* const versions_;
  const Tree* live_;
  const FieldManager& manager_;
  Managers managers_;
  FieldSet last_;             // what the manager applied before
  std::string last_version_;  // in this version
};

}  // namespace

Answer<std::optional<Tree>> apply(const Type& type, const Tree* live, const Tree& applied,
                                  const FieldManager& manager, OnConflict on_conflict,
                                  const Versions* versions) {
  TRY(check_applied(type, applied));
  Managers managers = TRY(managers_of(type, live, manager));
  return Application(type, versions, live, manager, std::move(managers)).run(applied, on_conflict);
}

}  // namespace gantry::kube
