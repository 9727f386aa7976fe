// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/decode.h"

#include <algorithm>

namespace gantry::kube {
namespace {

using json::Tree;
using json::TreeObject;

// Bytes in memory, about: a multiple of what the store takes of an object.
constexpr std::size_t kMaxFilled = 8 << 20;

// A null is a value only where the type says so; elsewhere the default takes its place.
bool is_missing(const Tree* value, const Type& type) {
  return value == nullptr || (value->is_null() && !type.is_nullable);
}

std::size_t size_of(const Tree& value) {
  std::size_t size = sizeof(Tree);
  if (value.is_string()) size += value.as_string().size();
  if (value.is_array())
    for (const Tree& element : value.array()) size += size_of(element);
  if (value.is_object())
    for (const auto& [key, member] : value.object()) size += key.size() + size_of(member);
  return size;
}

class Filling {
 public:
  // False: it would become too much.
  bool apply(const Type& type, Tree& value);

 private:
  bool fill(const Type& type, TreeObject& object);
  bool spend(std::size_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  std::size_t left_ = kMaxFilled;
};

bool Filling::fill(const Type& type, TreeObject& object) {
  for (const Field& field : type.fields) {
    if (!field.fallback || !is_missing(object.find(field.name), *field.type)) continue;
    if (!spend(size_of(*field.fallback))) return false;
    object[field.name] = *field.fallback;
  }
  if (type.default_rule != nullptr) {
    if (!spend(sizeof(Tree))) return false;
    type.default_rule(object);
  }
  for (const Field& field : type.fields) {
    if (!field.type->has_defaults) continue;
    Tree* const member = object.find(field.name);
    if (member != nullptr && !apply(*field.type, *member)) return false;
  }
  return true;
}

bool Filling::apply(const Type& type, Tree& value) {
  if (!type.has_defaults) return true;
  switch (type.form) {
    case Form::Struct: return !value.is_object() || fill(type, value.object());
    case Form::Map:
      return !value.is_object() || std::ranges::all_of(value.object(), [&](auto& entry) {
        return apply(*type.element, entry.second);
      });
    case Form::List:
      return !value.is_array() ||
             std::ranges::all_of(value.array(), [&](Tree& element) { return apply(*type.element, element); });
    default: return true;
  }
}

}  // namespace

Answer<void> apply_defaults(const Type& type, Tree& value) {
  if (Filling().apply(type, value)) return {};
  return too_large("the object is too large with the defaults of its fields");
}

}  // namespace gantry::kube
