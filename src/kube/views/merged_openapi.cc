// SPDX-License-Identifier: Apache-2.0
#include "kube/views/merged_openapi.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json_tree.h"

namespace gantry::kube::views {
namespace {

using json::Tree;
using json::TreeObject;
using Members = std::map<std::string, Tree, std::less<>>;

constexpr std::size_t kMostNames = 100;  // for things that differ
constexpr json::Limits kLimits{.bytes = 16 << 20, .depth = 100};
constexpr std::string_view kPaths = "paths";

// "#/definitions/io.k8s.api.core.v1.Pod": the section and the name.
using Reference = std::pair<std::string, std::string>;

std::optional<Reference> reference_in(const Tree& value) {
  const std::string_view text = value.text_at("$ref");
  if (!text.starts_with("#/")) return std::nullopt;
  const std::size_t slash = text.find('/', 2);
  if (slash == std::string_view::npos) return std::nullopt;
  return Reference(text.substr(2, slash - 2), text.substr(slash + 1));
}

template <class Value, class Visit>
void for_each_part(Value& value, Visit&& visit) {
  if (value.is_array())
    for (auto& element : value.array()) visit(element);
  if (value.is_object())
    for (auto& [key, member] : value.object()) visit(member);
}

// What people read, and whose kinds it is, makes no other thing of it.
bool is_remark(const TreeObject::Member& member) {
  return (member.first == "description" && member.second.is_string()) ||
         member.first == "x-kubernetes-group-version-kind";
}

bool is_same(const Tree& a, const Tree& b) {
  if (a.is_array() && b.is_array()) return std::ranges::equal(a.array(), b.array(), is_same);
  if (!a.is_object() || !b.is_object()) return a == b;
  auto at = a.object().begin();
  auto other = b.object().begin();
  const auto skip_remarks = [](auto& place, const TreeObject& of) {
    while (place != of.end() && is_remark(*place)) ++place;
  };
  while (true) {
    skip_remarks(at, a.object());
    skip_remarks(other, b.object());
    if (at == a.object().end() || other == b.object().end())
      return at == a.object().end() && other == b.object().end();
    if (at->first != other->first || !is_same(at->second, other->second)) return false;
    ++at, ++other;
  }
}

// What one server's document adds to the others'.
class Addition {
 public:
  Addition(const std::map<std::string, Members>& sections, Tree document)
      : sections_(sections), document_(std::move(document)) {}

  // False: it cannot be added.
  bool prepare(const ForeignVersion& version) {
    take_paths(fmt::format("/apis/{}/{}", version.group, version.version));
    while (!open_.empty()) {
      const Reference reference = std::move(open_.back());
      open_.pop_back();
      if (!take(reference)) return false;
    }
    for (auto& entry : added_) rename(entry.second);
    return true;
  }

  // By section and name.
  std::map<Reference, Tree> added() && { return std::move(added_); }

 private:
  void take_paths(const std::string& prefix) {
    Tree* paths = document_.object().find(kPaths);
    if (paths == nullptr || !paths->is_object()) return;
    for (auto& [path, item] : paths->object()) {
      const bool is_below = path == prefix || path.starts_with(prefix + "/");
      if (!is_below || find(std::string(kPaths), path) != nullptr) continue;
      note_references(item);
      added_.emplace(Reference(kPaths, path), std::move(item));
    }
  }

  const Tree* find(const std::string& section, std::string_view name) const {
    const auto members = sections_.find(section);
    if (members == sections_.end()) return nullptr;
    const auto found = members->second.find(name);
    return found == members->second.end() ? nullptr : &found->second;
  }

  void note_references(const Tree& value) {
    if (const auto reference = reference_in(value); reference && names_.try_emplace(*reference).second)
      open_.push_back(*reference);
    for_each_part(value, [this](const Tree& part) { note_references(part); });
  }

  // False: there are too many of that name.
  bool take(const Reference& reference) {
    const auto& [section, name] = reference;
    Tree* members = document_.object().find(section);
    Tree* given = members == nullptr || !members->is_object() ? nullptr : members->object().find(name);
    std::string chosen = name;
    for (std::size_t i = 2; given != nullptr; ++i) {
      const Tree* other = find(section, chosen);
      if (other == nullptr && !added_.contains({section, chosen})) break;
      if (other != nullptr && is_same(*other, *given)) given = nullptr;  // it is there already
      if (given == nullptr) break;
      if (i > kMostNames) return false;
      chosen = fmt::format("{}_v{}", name, i);
    }
    names_[reference] = chosen;
    if (given == nullptr) return true;
    note_references(*given);
    added_.emplace(Reference(section, std::move(chosen)), std::move(*given));
    return true;
  }

  void rename(Tree& value) {
    if (const auto reference = reference_in(value)) {
      const auto found = names_.find(*reference);
      if (found != names_.end() && found->second != reference->second)
        value.object()["$ref"] = fmt::format("#/{}/{}", reference->first, found->second);
    }
    for_each_part(value, [this](Tree& part) { rename(part); });
  }

  const std::map<std::string, Members>& sections_;  // of the document that grows
  Tree document_;
  std::map<Reference, Tree> added_;
  std::map<Reference, std::string> names_;  // that they get
  std::vector<Reference> open_;
};

std::map<std::string, Members> take_sections(Tree& document) {
  std::map<std::string, Members> sections;
  for (auto& [section, members] : document.object()) {
    if (section == "info" || !members.is_object()) continue;
    for (auto& [name, member] : members.object()) sections[section].emplace(name, std::move(member));
  }
  return sections;
}

}  // namespace

std::string merge_openapi(std::string own, std::span<const ForeignVersion> others) {
  auto document = Tree::parse(own, json::Limits{.bytes = own.size(), .depth = kLimits.depth});
  if (!document) return own;
  std::map<std::string, Members> sections = take_sections(*document);
  for (const ForeignVersion& other : others) {
    if (other.openapi_v2 == nullptr) continue;
    auto parsed = Tree::parse(*other.openapi_v2, kLimits);
    if (!parsed || parsed->text_at("swagger") != "2.0") continue;
    Addition addition(sections, *std::move(parsed));
    if (!addition.prepare(other)) continue;
    for (auto& [reference, value] : std::move(addition).added())
      sections[reference.first].emplace(reference.second, std::move(value));
  }
  for (auto& [section, members] : sections) {
    std::vector<TreeObject::Member> listed;
    for (auto& [name, member] : members) listed.emplace_back(name, std::move(member));
    document->object()[section] = TreeObject(std::move(listed));
  }
  return document->to_text();
}

}  // namespace gantry::kube::views
