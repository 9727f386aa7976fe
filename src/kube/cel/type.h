// SPDX-License-Identifier: Apache-2.0
//
// What the checker knows of values: the types of the language, of Kubernetes' libraries, and objects with
// declared fields. Immutable; whoever holds the TypeArena owns those that are made, basic ones are for ever.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::kube::cel {

enum class Kind : std::uint8_t {
  Error,  // of values only
  Dyn,    // of types only: known when it runs
  Param,  // of types only: what a function's declaration leaves open
  Null,
  Bool,
  Int,
  Uint,
  Double,
  String,
  Bytes,
  Timestamp,
  Duration,
  List,
  Map,
  Object,  // with declared fields
  Type,
  Optional,
  Url,  // from here on: Kubernetes' libraries
  Ip,
  Cidr,
  Quantity,
  Semver,
  Format,
  Authorizer,
  PathCheck,
  GroupCheck,
  ResourceCheck,
  Decision,
};

struct Type;

// How the elements of a list are told apart (x-kubernetes-list-type): of sets and maps the order does not
// count.
enum class ListType : std::uint8_t { Atomic, Set, Map };

struct TypeField {
  std::string name;  // as expressions have it
  std::string key;   // as JSON has it
  const Type* type = nullptr;
};

inline constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();

struct Type {
  Kind kind = Kind::Dyn;
  const Type* element = nullptr;          // of List, Optional and Type; of Map: of its values
  const Type* key = nullptr;              // of Map
  std::string name;                       // of Object and Param
  std::vector<TypeField> fields;          // of Object, by name
  bool has_any_field = false;             // of Object: whatever it is asked for, dyn
  ListType list_type = ListType::Atomic;  // of List
  std::vector<std::string> list_keys;     // of ListType::Map, as JSON has them
  // What estimates of cost go by: elements, entries, or bytes of a text; and bytes of the shortest JSON.
  std::uint64_t max_elements = kUnbounded;
  std::uint64_t min_size = 0;

  // Null if there is none.
  const TypeField* find(std::string_view field) const;
  const TypeField* find_key(std::string_view json_key) const;
};

// Of kinds that need nothing else; Map and List are of Dyn.
const Type* basic(Kind kind);
// As `type(x)` is written: "int", "google.protobuf.Timestamp", "kubernetes.Quantity" ... Null for other
// names.
const Type* find_type(std::string_view name);
// The name that find_type() knows; of an object its own.
std::string_view name_of(Kind kind);
// As messages write it: "list(map(string, int))".
std::string describe(const Type& type);

bool is_equal(const Type& a, const Type& b);

// What expressions may make, where they may; Object.spec and so on, too.
inline constexpr std::string_view kObjectType = "Object";
inline constexpr std::string_view kJsonPatchType = "JSONPatch";

class TypeArena {
 public:
  const Type* add(Type type) { return &types_.emplace_back(std::move(type)); }
  const Type* list_of(const Type* element);
  const Type* map_of(const Type* key, const Type* value);
  const Type* optional_of(const Type* element);
  const Type* type_of(const Type* type);

 private:
  std::deque<Type> types_;
};

}  // namespace gantry::kube::cel
