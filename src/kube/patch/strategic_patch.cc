// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/strategic_patch.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/printable.h"
#include "kube/patch/list_order.h"
#include "kube/patch/merge_objects.h"
#include "kube/patch/patch_faults.h"

namespace gantry::kube {
namespace {

using json::Tree;
using json::TreeArray;
using json::TreeObject;

constexpr std::string_view kDirective = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kDeleteFromList = "$deleteFromPrimitiveList/";
constexpr std::string_view kSetOrder = "$setElementOrder/";

bool is_about_list(std::string_view key) {
  return key.starts_with(kDeleteFromList) || key.starts_with(kSetOrder);
}

// What a patch says of a list beside its elements.
struct ListDirectives {
  TreeArray to_delete;             // scalars
  std::optional<TreeArray> order;  // scalars, or structs with the merge key in them
};
using DirectivesOf = std::map<std::string, ListDirectives, std::less<>>;

Answer<Tree> merge_struct(TreeObject original, TreeObject patch, const Type* type);

// What is new as a whole: without nulls and directives. Nothing if it is a directive itself.
std::optional<Tree> plain(Tree patch) {
  if (patch.is_array()) {
    TreeArray elements;
    for (Tree& element : patch.array())
      if (auto kept = plain(std::move(element))) elements.push_back(std::move(*kept));
    return elements;
  }
  if (!patch.is_object()) return patch;
  if (patch.object().contains(kDirective)) return std::nullopt;
  std::vector<TreeObject::Member> members;
  for (auto& [key, value] : patch.object()) {
    if (value.is_null() || key == kRetainKeys || is_about_list(key)) continue;
    if (auto kept = plain(std::move(value))) members.emplace_back(key, std::move(*kept));
  }
  return TreeObject(std::move(members));
}

// $patch of a struct: what becomes of it, or nothing if the patch has none.
Answer<std::optional<Tree>> directed(TreeObject& patch) {
  const Tree* directive = patch.find(kDirective);
  if (directive == nullptr) return std::optional<Tree>();
  if (directive->as_string() == "delete") return Tree(TreeObject());
  if (directive->as_string() != "replace")
    return bad_request(fmt::format("unknown patch type: {}", printable(directive->to_text())));
  patch.erase(kDirective);
  return plain(std::move(patch));
}

// $retainKeys: what it does not name goes from the original, and the patch may set nothing else.
Answer<void> retain_keys(TreeObject& original, TreeObject& patch) {
  const Tree* list = patch.find(kRetainKeys);
  if (list == nullptr) return {};
  std::vector<std::string> retained;
  for (const Tree& key : list->array()) retained.emplace_back(key.as_string());
  std::ranges::sort(retained);
  const auto is_retained = [&](const std::string& key) { return std::ranges::binary_search(retained, key); };
  const bool is_list = list->is_array();
  patch.erase(kRetainKeys);
  const auto may_stand = [&](const TreeObject::Member& member) {
    return member.second.is_null() || is_about_list(member.first) || is_retained(member.first);
  };
  if (!is_list || !std::ranges::all_of(patch, may_stand))
    return bad_request("invalid patch format of retainKeys");
  std::vector<TreeObject::Member> kept;
  for (auto& member : original)
    if (is_retained(member.first)) kept.push_back(std::move(member));
  original = TreeObject(std::move(kept));
  return {};
}

// Only lists that the type has can have directives, so there are few.
Answer<void> take_directive(DirectivesOf& directives, std::string_view key, Tree& value, const Type* type) {
  const bool is_order = key.starts_with(kSetOrder);
  const std::string_view name = key.substr((is_order ? kSetOrder : kDeleteFromList).size());
  const Field* field = type == nullptr ? nullptr : type->find(name);
  if (field == nullptr || field->type->form != Form::List)
    return bad_request(fmt::format("unable to find a list for the json field \"{}\"", printable(name)));
  if (!value.is_array())
    return bad_request(is_order ? "invalid patch format of setElementOrder list"
                                : "invalid patch format of primitive list");
  ListDirectives& list = directives[std::string(name)];
  if (is_order)
    list.order = std::move(value.array());
  else
    list.to_delete = std::move(value.array());
  return {};
}

// Takes what is said about lists out of the patch. A list of which nothing else is said gets no elements
// there, so that the walk over the patch comes by.
Answer<DirectivesOf> take_directives(const TreeObject& original, TreeObject& patch, const Type* type) {
  DirectivesOf directives;
  if (std::ranges::none_of(patch, [](const auto& member) { return is_about_list(member.first); }))
    return directives;
  std::vector<TreeObject::Member> rest;
  for (auto& [key, value] : patch) {
    if (is_about_list(key))
      TRY(take_directive(directives, key, value, type));
    else
      rest.emplace_back(key, std::move(value));
  }
  patch = TreeObject(std::move(rest));
  for (const auto& [name, list] : directives)
    if (original.contains(name) && !patch.contains(name)) patch[name] = TreeArray();
  return directives;
}

Answer<std::string> key_of(const Tree& element, const std::string& merge_key) {
  if (merge_key.empty()) {
    if (element.is_object() || element.is_array())
      return does_not_apply("cannot merge lists without merge key");
    return key_of_scalar(element);
  }
  const Tree* key = element.find(merge_key);
  if (key == nullptr)
    return does_not_apply(fmt::format("map: {} does not contain declared merge key: {}",
                                      printable(element.to_text(), 300), printable(merge_key)));
  return key_of_scalar(*key);
}

Answer<std::vector<std::string>> keys_of(const TreeArray& elements, const std::string& merge_key) {
  std::vector<std::string> keys;
  keys.reserve(elements.size());
  for (const Tree& element : elements) keys.push_back(TRY(key_of(element, merge_key)));
  return keys;
}

// Elements of the patch that are there to be merged, and what the others ask for.
struct ListPatch {
  TreeArray elements;
  std::unordered_set<std::string> to_delete;
  bool replaces = false;
};

Answer<ListPatch> sorted_out(TreeArray patch, const std::string& merge_key) {
  ListPatch list;
  for (Tree& element : patch) {
    const Tree* directive = element.find(kDirective);
    if (directive == nullptr)
      list.elements.push_back(std::move(element));
    else if (directive->as_string() == "replace")
      list.replaces = true;
    else if (directive->as_string() == "delete")
      list.to_delete.insert(TRY(key_of(element, merge_key)));
    else if (directive->as_string() == "merge")
      return bad_request("merging lists cannot yet be specified in the patch");
    else
      return bad_request(fmt::format("unknown patch type: {}", printable(directive->to_text())));
  }
  return list;
}

class ListMerger {
 public:
  explicit ListMerger(const Field& field) : field_(field) {}

  Answer<void> take_original(TreeArray original, const std::unordered_set<std::string>& without) {
    for (Tree& element : original) {
      std::string key = TRY(key_of(element, field_.patch_merge_key));
      if (without.contains(key)) continue;
      places_.emplace(key, elements_.size());
      elements_.push_back({std::move(key), std::move(element), elements_.size()});
    }
    return {};
  }

  Answer<void> merge(Tree element) {
    std::string key = TRY(key_of(element, field_.patch_merge_key));
    const auto [place, is_new] = places_.emplace(key, elements_.size());
    if (is_new) {
      if (auto kept = plain(std::move(element))) elements_.push_back({std::move(key), std::move(*kept)});
      return {};
    }
    if (field_.patch_merge_key.empty()) return {};
    Tree& value = elements_[place->second].value;
    value = TRY(merge_struct(std::move(value.object()), std::move(element.object()), field_.type->element));
    return {};
  }

  TreeArray take(const std::vector<std::string>& order) && { return in_order(std::move(elements_), order); }

 private:
  const Field& field_;
  std::vector<KeyedElement> elements_;
  std::unordered_map<std::string, std::size_t> places_;  // of the first with that key
};

// Elements of the patch have to come in the order that is asked for.
bool is_within(const std::vector<std::string>& keys, const std::vector<std::string>& order) {
  auto key = keys.begin();
  for (auto place = order.begin(); key != keys.end() && place != order.end(); ++place) key += *key == *place;
  return key == keys.end();
}

Answer<Tree> merge_list(TreeArray original, TreeArray patch, const Field& field,
                        const ListDirectives* directives) {
  const std::string& merge_key = field.patch_merge_key;
  ListPatch changes = TRY(sorted_out(std::move(patch), merge_key));
  if (directives != nullptr)
    for (const Tree& scalar : directives->to_delete) changes.to_delete.insert(key_of_scalar(scalar));
  if (changes.replaces) original.clear();
  std::vector<std::string> order = TRY(keys_of(changes.elements, merge_key));
  if (directives != nullptr && directives->order) {
    std::vector<std::string> asked = TRY(keys_of(*directives->order, merge_key));
    if (!asked.empty() && !is_within(order, asked))
      return does_not_apply("the order in the patch list does not match the $setElementOrder list");
    order = std::move(asked);
  }
  ListMerger merger(field);
  TRY(merger.take_original(std::move(original), changes.to_delete));
  for (Tree& element : changes.elements) TRY(merger.merge(std::move(element)));
  return std::move(merger).take(order);
}

// A member's new value, or nothing for none. `field`: null in maps, and of what the type does not know.
Answer<std::optional<Tree>> merge_value(Tree* before, Tree& change, const Type* type, const Field* field,
                                        const ListDirectives* directives) {
  if (change.is_null()) return std::optional<Tree>();
  if (before != nullptr && before->is_object() && change.is_object())
    return TRY(merge_struct(std::move(before->object()), std::move(change.object()), type));
  const bool merges =
      directives != nullptr || (field != nullptr && field->patch_strategy == PatchStrategy::Merge);
  if (merges && change.is_array() && (before == nullptr || before->is_array()))
    return TRY(merge_list(before == nullptr ? TreeArray() : std::move(before->array()),
                          std::move(change.array()), *field, directives));
  return plain(std::move(change));
}

Answer<Tree> merge_struct(TreeObject original, TreeObject patch, const Type* type) {
  if (auto whole = TRY(directed(patch))) return std::move(*whole);
  TRY(retain_keys(original, patch));
  const DirectivesOf directives = TRY(take_directives(original, patch, type));
  std::optional<Status> failure;
  Tree merged = merge_objects(
      std::move(original), std::move(patch),
      [&](std::string_view key, Tree* before, Tree& change) -> std::optional<Tree> {
        if (failure) return std::nullopt;
        const Field* field = type == nullptr ? nullptr : type->find(key);
        const Type* inner = field != nullptr ? field->type : type != nullptr ? type->element : nullptr;
        const auto list = directives.find(key);
        auto value =
            merge_value(before, change, inner, field, list == directives.end() ? nullptr : &list->second);
        if (value) return std::move(*value);
        failure = std::move(value).error();
        return std::nullopt;
      });
  if (failure) return std::move(*failure);
  return merged;
}

}  // namespace

Answer<Tree> apply_strategic_patch(Tree object, Tree patch, const Type& type) {
  if (!patch.is_object())
    return bad_request("error decoding patch: a strategic merge patch has to be a JSON object");
  return merge_struct(std::move(object.object()), std::move(patch.object()), &type);
}

}  // namespace gantry::kube
