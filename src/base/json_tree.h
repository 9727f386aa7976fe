// SPDX-License-Identifier: Apache-2.0
//
// JSON that can be changed: what a patch or a default works on. A Tree owns all that is in it; copies are
// deep, moves are cheap. Objects keep their keys sorted, so equal values have equal text.
//
//   json::Tree pod = TRY(json::Tree::parse(text));
//   pod.object()["metadata"].object()["name"] = "web";
//   if (const json::Tree* labels = pod.find("metadata", "labels")) ...
//   std::string text = pod.to_text();
//
// Where only reading is asked for, json::Document is smaller and faster. As deep as a tree is, so deep do
// copying and destroying recurse: the depth of what comes from outside is bounded by json::Limits.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace gantry::json {

class Tree;
using TreeArray = std::vector<Tree>;

// Members in the order of their keys' bytes, each key once.
class TreeObject {
 public:
  using Member = std::pair<std::string, Tree>;
  using iterator = std::vector<Member>::iterator;
  using const_iterator = std::vector<Member>::const_iterator;

  TreeObject() = default;
  // Of equal keys the last counts.
  explicit TreeObject(std::vector<Member> members);

  // Null if there is none.
  Tree* find(std::string_view key);
  const Tree* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  Tree& operator[](std::string_view key);  // a null is made where there is none
  bool erase(std::string_view key);        // whether it was there
  iterator erase(iterator at);
  // Takes out the members of which `is_unwanted(key, value)` says so, in order; it may change the value.
  template <class Unwanted>
  void erase_if(Unwanted is_unwanted);

  // A member's key must stay as it is.
  iterator begin() { return members_.begin(); }
  iterator end() { return members_.end(); }
  const_iterator begin() const { return members_.begin(); }
  const_iterator end() const { return members_.end(); }
  std::size_t size() const;
  bool empty() const;

  friend bool operator==(const TreeObject& a, const TreeObject& b);

 private:
  const_iterator lower_bound(std::string_view key) const;
  std::vector<Member> members_;
};

class Tree {
 public:
  Tree() = default;  // null
  Tree(const char* text) : value_(std::string(text)) {}
  Tree(std::string_view text) : value_(std::string(text)) {}
  Tree(std::string text) : value_(std::move(text)) {}
  Tree(double number) : value_(number) {}
  Tree(TreeArray array) : value_(std::move(array)) {}
  Tree(TreeObject object) : value_(std::move(object)) {}
  template <std::integral T>
  Tree(T number) {
    if constexpr (std::same_as<T, bool>)
      value_ = number;
    else if constexpr (std::signed_integral<T> || sizeof(T) < sizeof(std::uint64_t))
      value_ = static_cast<std::int64_t>(number);
    else
      set_unsigned(number);
  }
  // Keys that stand twice in an object count once, the last of them.
  explicit Tree(const Value& value);
  static Result<Tree> parse(std::string text, const Limits& limits = {});

  Kind kind() const;
  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_object() const { return std::holds_alternative<TreeObject>(value_); }
  bool is_array() const { return std::holds_alternative<TreeArray>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }

  // As json::Value's: false, empty, 0 or nothing if it is of another kind.
  bool as_bool() const;
  std::string_view as_string() const;
  double as_double() const;
  std::optional<std::int64_t> as_int64() const;
  std::optional<std::uint64_t> as_uint64() const;

  // What is of another kind is read as empty, and becomes an empty one where it can be changed.
  const TreeObject& object() const;
  TreeObject& object();
  const TreeArray& array() const;
  TreeArray& array();

  // The member of a member ...; null if any of them is not there.
  template <class... Keys>
  const Tree* find(std::string_view key, Keys... more) const {
    const Tree* member = object().find(key);
    if constexpr (sizeof...(more) == 0)
      return member;
    else
      return member == nullptr ? nullptr : member->find(more...);
  }
  // Its text; empty if there is no such string.
  template <class... Keys>
  std::string_view text_at(Keys... keys) const {
    const Tree* found = find(keys...);
    return found == nullptr ? std::string_view() : found->as_string();
  }

  void write_to(Writer& writer) const;
  std::string to_text(Style style = Style::Compact) const;

  // Numbers are equal when their values are, 1 and 1.0 included.
  friend bool operator==(const Tree& a, const Tree& b);

 private:
  void set_unsigned(std::uint64_t number);

  // Unsigned only what does not fit in 63 bits.
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, TreeArray, TreeObject>
      value_;
};

// Down here, where clang knows what a Tree is.
inline std::size_t TreeObject::size() const { return members_.size(); }
inline bool TreeObject::empty() const { return members_.empty(); }
inline TreeObject::iterator TreeObject::erase(iterator at) { return members_.erase(at); }

template <class Unwanted>
void TreeObject::erase_if(Unwanted is_unwanted) {
  auto kept = members_.begin();
  for (auto at = members_.begin(); at != members_.end(); ++at) {
    if (is_unwanted(std::string_view(at->first), at->second)) continue;
    if (kept != at) *kept = std::move(*at);
    ++kept;
  }
  members_.erase(kept, members_.end());
}

}  // namespace gantry::json
