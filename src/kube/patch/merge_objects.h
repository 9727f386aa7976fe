// SPDX-License-Identifier: Apache-2.0
//
// Two objects become one in a single walk over both, whatever they hold: putting members in one by one would
// cost the square of their number.
#pragma once

#include <concepts>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_tree.h"

namespace gantry::kube {

// What is in `changes` is asked of `combine(key, Tree* before, Tree& change)`, whose answer is the member's
// new value, or nothing for none; `before` is null where there was no such member. The rest stays.
template <class Combine>
  requires std::convertible_to<std::invoke_result_t<Combine&, std::string_view, json::Tree*, json::Tree&>,
                               std::optional<json::Tree>>
json::Tree merge_objects(json::TreeObject object, json::TreeObject changes, Combine&& combine) {
  std::vector<json::TreeObject::Member> members;
  members.reserve(object.size() + changes.size());
  auto old = object.begin();
  for (auto& [key, change] : changes) {
    while (old != object.end() && old->first < key) members.push_back(std::move(*old++));
    json::Tree* before = nullptr;
    if (old != object.end() && old->first == key) before = &(old++)->second;
    if (std::optional<json::Tree> after = combine(std::string_view(key), before, change))
      members.emplace_back(key, std::move(*after));
  }
  while (old != object.end()) members.push_back(std::move(*old++));
  return json::TreeObject(std::move(members));
}

}  // namespace gantry::kube
