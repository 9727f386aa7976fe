// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/type.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace gantry::kube::cel {
namespace {

constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::Decision) + 1;

constexpr std::array<std::string_view, kKinds> kNames = {
    "error",
    "dyn",
    "dyn",
    "null_type",
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
    "list",
    "map",
    "object",
    "type",
    "optional_type",
    "kubernetes.URL",
    "net.IP",
    "net.CIDR",
    "kubernetes.Quantity",
    "kubernetes.Semver",
    "kubernetes.NamedFormat",
    "kubernetes.authorization.Authorizer",
    "kubernetes.authorization.PathCheck",
    "kubernetes.authorization.GroupCheck",
    "kubernetes.authorization.ResourceCheck",
    "kubernetes.authorization.Decision",
};

std::array<Type, kKinds> make_basic_types() {
  std::array<Type, kKinds> types;
  for (std::size_t i = 0; i < kKinds; ++i) types[i].kind = static_cast<Kind>(i);
  return types;
}

bool is_equal(const Type* a, const Type* b) {
  if (a == nullptr || b == nullptr) return (a == nullptr ? b : a) == nullptr;
  return is_equal(*a, *b);
}

}  // namespace

const TypeField* Type::find(std::string_view field) const {
  const auto found = std::ranges::lower_bound(fields, field, {}, &TypeField::name);
  return found != fields.end() && found->name == field ? &*found : nullptr;
}

const TypeField* Type::find_key(std::string_view json_key) const {
  const auto found = std::ranges::find(fields, json_key, &TypeField::key);
  return found != fields.end() ? &*found : nullptr;
}

const Type* basic(Kind kind) {
  static const std::array<Type, kKinds> kTypes = make_basic_types();
  static const Type kList{.kind = Kind::List, .element = &kTypes[static_cast<std::size_t>(Kind::Dyn)]};
  static const Type kMap{.kind = Kind::Map,
                         .element = &kTypes[static_cast<std::size_t>(Kind::Dyn)],
                         .key = &kTypes[static_cast<std::size_t>(Kind::Dyn)]};
  if (kind == Kind::List) return &kList;
  if (kind == Kind::Map) return &kMap;
  return &kTypes[static_cast<std::size_t>(kind)];
}

std::string_view name_of(Kind kind) { return kNames[static_cast<std::size_t>(kind)]; }

const Type* find_type(std::string_view name) {
  for (std::size_t i = static_cast<std::size_t>(Kind::Null); i < kKinds; ++i)
    if (kNames[i] == name && static_cast<Kind>(i) != Kind::Object) return basic(static_cast<Kind>(i));
  return name == "dyn" ? basic(Kind::Dyn) : nullptr;
}

std::string describe(const Type& type) {
  const auto inner = [](const Type* of) { return of == nullptr ? "dyn" : describe(*of); };
  switch (type.kind) {
    case Kind::Null: return "null";
    case Kind::Timestamp: return "timestamp";
    case Kind::Duration: return "duration";
    case Kind::List: return fmt::format("list({})", inner(type.element));
    case Kind::Map: return fmt::format("map({}, {})", inner(type.key), inner(type.element));
    case Kind::Optional: return fmt::format("optional_type({})", inner(type.element));
    case Kind::Type:
      return type.element == nullptr ? "type" : fmt::format("type({})", describe(*type.element));
    case Kind::Object: return type.name;
    default: return std::string(name_of(type.kind));
  }
}

bool is_equal(const Type& a, const Type& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind) return false;
  if (a.kind == Kind::Object || a.kind == Kind::Param) return a.name == b.name;
  return a.kind == Kind::Type || (is_equal(a.element, b.element) && is_equal(a.key, b.key));
}

const Type* TypeArena::list_of(const Type* element) { return add({.kind = Kind::List, .element = element}); }
const Type* TypeArena::map_of(const Type* key, const Type* value) {
  return add({.kind = Kind::Map, .element = value, .key = key});
}
const Type* TypeArena::optional_of(const Type* element) {
  return add({.kind = Kind::Optional, .element = element});
}
const Type* TypeArena::type_of(const Type* type) { return add({.kind = Kind::Type, .element = type}); }

}  // namespace gantry::kube::cel
