// SPDX-License-Identifier: Apache-2.0
//
// Lists and other members of objects, read without asking whether they are there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"

namespace gantry::kube {

// Null if there is none.
inline const json::Tree& member_of(const json::Tree& of, std::string_view key) {
  static const json::Tree kNone;
  const json::Tree* found = of.find(key);
  return found == nullptr ? kNone : *found;
}

// Empty if there is none.
inline const json::TreeArray& list_of(const json::Tree& of, std::string_view key) {
  static const json::TreeArray kNone;
  const json::Tree* found = of.find(key);
  return found == nullptr ? kNone : found->array();
}

// `list` may be null.
inline std::vector<std::string> words_of(const json::Tree* list) {
  std::vector<std::string> words;
  if (list == nullptr) return words;
  for (const json::Tree& word : list->array()) words.emplace_back(word.as_string());
  return words;
}
inline std::vector<std::string> words_of(const json::Tree& of, std::string_view key) {
  return words_of(of.find(key));
}

}  // namespace gantry::kube
