// SPDX-License-Identifier: Apache-2.0
#include "base/json_tree.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace gantry::json {
namespace {

constexpr std::size_t kFewMembers = 32;
// Room for whose members come one by one: moving them costs more than what is left over.
constexpr std::size_t kFirstMembers = 4;

// Most keys differ in their first byte, which takes no call.
bool is_before(const TreeObject::Member& member, std::string_view key) {
  const std::string& own = member.first;
  if (own.empty() || key.empty() || own.front() == key.front()) return own < key;
  return std::char_traits<char>::lt(own.front(), key.front());
}

bool has_key(const TreeObject::Member& member, std::string_view key) {
  const std::string& own = member.first;
  return own.size() == key.size() && (key.empty() || own.front() == key.front()) && own == key;
}

// In the order of their keys, so that what is large need not be moved to get there. Of equal keys the last is
// behind the others.
std::vector<TreeObject::Member> members_of(const Value& object) {
  std::vector<std::uint32_t> order(object.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto key = [&](std::uint32_t index) { return object.key(index); };
  if (!std::ranges::is_sorted(order, {}, key)) std::ranges::stable_sort(order, {}, key);
  std::vector<TreeObject::Member> members;
  members.reserve(order.size());
  for (const std::uint32_t index : order) members.emplace_back(object.key(index), object.at(index));
  return members;
}

template <class T>
const T& empty() {
  static const T kEmpty;
  return kEmpty;
}

}  // namespace

// ---- TreeObject

TreeObject::TreeObject(std::vector<Member> members) : members_(std::move(members)) {
  const auto is_less = [](const Member& a, const Member& b) { return a.first < b.first; };
  if (!std::ranges::is_sorted(members_, is_less)) std::ranges::stable_sort(members_, is_less);
  // Of a row of equal ones the last is kept: std::unique keeps the first, so it looks from behind.
  const auto is_equal = [](const Member& a, const Member& b) { return a.first == b.first; };
  const auto kept = std::unique(members_.rbegin(), members_.rend(), is_equal);
  members_.erase(members_.begin(), kept.base());
}

TreeObject::const_iterator TreeObject::lower_bound(std::string_view key) const {
  return std::lower_bound(members_.begin(), members_.end(), key, is_before);
}

const Tree* TreeObject::find(std::string_view key) const {
  // Most objects are small, and their keys of many lengths: few are compared.
  if (members_.size() <= kFewMembers) {
    for (const Member& member : members_)
      if (has_key(member, key)) return &member.second;
    return nullptr;
  }
  const auto at = lower_bound(key);
  return at != members_.end() && at->first == key ? &at->second : nullptr;
}

Tree* TreeObject::find(std::string_view key) {
  return const_cast<Tree*>(static_cast<const TreeObject&>(*this).find(key));
}

Tree& TreeObject::operator[](std::string_view key) {
  if (Tree* there = find(key)) return *there;
  if (members_.empty()) members_.reserve(kFirstMembers);
  return members_.emplace(lower_bound(key), std::string(key), Tree())->second;
}

bool TreeObject::erase(std::string_view key) {
  const auto at = lower_bound(key);
  if (at == members_.end() || at->first != key) return false;
  members_.erase(at);
  return true;
}

bool operator==(const TreeObject& a, const TreeObject& b) { return a.members_ == b.members_; }

// ---- Tree

Tree::Tree(const Value& value) {
  switch (value.kind()) {
    case Kind::Null: break;
    case Kind::Bool: value_ = value.as_bool(); break;
    case Kind::Number:
      if (const auto number = value.as_int64())
        value_ = *number;
      else if (const auto large = value.as_uint64())
        value_ = *large;
      else
        value_ = value.as_double();
      break;
    case Kind::String: value_ = std::string(value.as_string()); break;
    case Kind::Array: {
      TreeArray array;
      array.reserve(value.size());
      for (std::size_t i = 0; i < value.size(); ++i) array.emplace_back(value.at(i));
      value_ = std::move(array);
      break;
    }
    case Kind::Object: value_ = TreeObject(members_of(value)); break;
  }
}

Result<Tree> Tree::parse(std::string text, const Limits& limits) {
  const Document document = TRY(Document::parse(std::move(text), limits));
  return Tree(document.root());
}

void Tree::set_unsigned(std::uint64_t number) {
  if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    value_ = static_cast<std::int64_t>(number);
  else
    value_ = number;
}

Kind Tree::kind() const {
  constexpr Kind kKinds[] = {Kind::Null,   Kind::Bool,   Kind::Number, Kind::Number,
                             Kind::Number, Kind::String, Kind::Array,  Kind::Object};
  return kKinds[value_.index()];
}

bool Tree::as_bool() const {
  const bool* value = std::get_if<bool>(&value_);
  return value != nullptr && *value;
}

std::string_view Tree::as_string() const {
  const auto* text = std::get_if<std::string>(&value_);
  return text == nullptr ? std::string_view() : *text;
}

double Tree::as_double() const {
  if (const auto* real = std::get_if<double>(&value_)) return *real;
  if (const auto* integer = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*integer);
  if (const auto* large = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*large);
  return 0;
}

std::optional<std::int64_t> Tree::as_int64() const {
  if (const auto* integer = std::get_if<std::int64_t>(&value_)) return *integer;
  return std::nullopt;
}

std::optional<std::uint64_t> Tree::as_uint64() const {
  if (const auto* large = std::get_if<std::uint64_t>(&value_)) return *large;
  if (const auto* integer = std::get_if<std::int64_t>(&value_); integer != nullptr && *integer >= 0)
    return static_cast<std::uint64_t>(*integer);
  return std::nullopt;
}

const TreeObject& Tree::object() const {
  const auto* object = std::get_if<TreeObject>(&value_);
  return object == nullptr ? empty<TreeObject>() : *object;
}

TreeObject& Tree::object() {
  if (!is_object()) value_ = TreeObject();
  return *std::get_if<TreeObject>(&value_);
}

const TreeArray& Tree::array() const {
  const auto* array = std::get_if<TreeArray>(&value_);
  return array == nullptr ? empty<TreeArray>() : *array;
}

TreeArray& Tree::array() {
  if (!is_array()) value_ = TreeArray();
  return *std::get_if<TreeArray>(&value_);
}

void Tree::write_to(Writer& writer) const {
  const auto write = [&]<class T>(const T& value) {
    if constexpr (std::same_as<T, std::monostate>) {
      writer.null();
    } else if constexpr (std::same_as<T, TreeArray>) {
      writer.begin_array();
      for (const Tree& element : value) element.write_to(writer);
      writer.end_array();
    } else if constexpr (std::same_as<T, TreeObject>) {
      writer.begin_object();
      for (const auto& [key, member] : value) member.write_to(writer.key(key));
      writer.end_object();
    } else {
      writer.value(value);
    }
  };
  std::visit(write, value_);
}

std::string Tree::to_text(Style style) const {
  Writer writer(style);
  write_to(writer);
  return std::move(writer).text();
}

bool operator==(const Tree& a, const Tree& b) {
  if (a.value_.index() != b.value_.index())
    return a.kind() == Kind::Number && b.kind() == Kind::Number && a.as_double() == b.as_double();
  // Not the variant's own comparison, which calls a function through a table for every value of a tree.
  const auto is_equal = [&]<class T>(const T* value) { return *value == *std::get_if<T>(&b.value_); };
  switch (a.kind()) {
    case Kind::Null: return true;
    case Kind::String: return is_equal(std::get_if<std::string>(&a.value_));
    case Kind::Array: return is_equal(std::get_if<TreeArray>(&a.value_));
    case Kind::Object: return is_equal(std::get_if<TreeObject>(&a.value_));
    case Kind::Bool:
    case Kind::Number: break;
  }
  return a.value_ == b.value_;
}

}  // namespace gantry::json
