// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/decode.h"

namespace gantry::kube {
namespace {

using json::Tree;
using json::TreeObject;

// A null is a value only where the type says so; elsewhere the default takes its place.
bool is_missing(const Tree* value, const Type& type) {
  return value == nullptr || (value->is_null() && !type.is_nullable);
}

void fill(const Type& type, TreeObject& object) {
  for (const Field& field : type.fields) {
    if (!field.fallback || !is_missing(object.find(field.name), *field.type)) continue;
    object[field.name] = *field.fallback;
  }
  if (type.default_rule != nullptr) type.default_rule(object);
  for (const Field& field : type.fields) {
    if (!field.type->has_defaults) continue;
    if (Tree* const member = object.find(field.name)) apply_defaults(*field.type, *member);
  }
}

}  // namespace

void apply_defaults(const Type& type, Tree& value) {
  if (!type.has_defaults) return;
  switch (type.form) {
    case Form::Struct:
      if (value.is_object()) fill(type, value.object());
      return;
    case Form::Map:
      if (value.is_object())
        for (auto& [key, entry] : value.object()) apply_defaults(*type.element, entry);
      return;
    case Form::List:
      if (value.is_array())
        for (Tree& element : value.array()) apply_defaults(*type.element, element);
      return;
    default: return;
  }
}

}  // namespace gantry::kube
