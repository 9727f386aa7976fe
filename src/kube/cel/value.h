// SPDX-License-Identifier: Apache-2.0
//
// What an expression works with and what comes of it. A Value is small and copied freely; texts, lists and
// maps are not in it but in what was handed in (a json::Tree, a string) or in the Memory of the evaluation,
// and it lives no longer than those. An error is a value, as the language has it.
//
//   Memory memory;
//   Value pod = Value::of_tree(tree, nullptr, memory);
//   Value name = pod.field("name", memory);
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json_tree.h"
#include "kube/api/quantity.h"
#include "kube/cel/memory.h"
#include "kube/cel/type.h"

namespace gantry::kube::cel {

class Value;

struct Entry;  // of a map that was computed

// Fields that are found when somebody asks for them: the variables of a policy.
class LazyFields {
 public:
  virtual ~LazyFields() = default;
  // An error where there is no such field. Cost is counted by the source.
  virtual Value field(std::string_view name) const = 0;
};

struct Instant {
  std::int64_t seconds = 0;  // since 1970
  std::int32_t nanoseconds = 0;
  std::int32_t offset_minutes = 0;  // from UTC, as it was written, and is written again

  friend bool operator==(const Instant& a, const Instant& b) { return (a <=> b) == 0; }
  friend std::strong_ordering operator<=>(const Instant& a, const Instant& b) {
    return a.seconds != b.seconds ? a.seconds <=> b.seconds : a.nanoseconds <=> b.nanoseconds;
  }
};

struct UrlParts {
  std::string_view text;
  std::string_view scheme;
  std::string_view host;  // with the port
  std::string_view path;  // as it is written
  std::string_view query;
};

// Of both families; an address of IPv4 is in the first four bytes.
struct IpAddress {
  std::uint8_t bytes[16] = {};
  bool is_v4 = false;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

struct CidrBlock {
  IpAddress address;
  int prefix = 0;
  friend bool operator==(const CidrBlock&, const CidrBlock&) = default;
};

struct Version {
  std::uint64_t major = 0, minor = 0, patch = 0;
  std::string_view prerelease;
  std::string_view build;
};

class Value {
 public:
  Value() = default;  // null
  static Value of_error(std::string_view message) { return text_like(Kind::Error, message); }
  static Value of_error(std::string message, Memory& memory) {
    return text_like(Kind::Error, memory.copy(message));
  }
  static Value of_bool(bool value) {
    return Value(Kind::Bool, [&](Value& v) { v.bool_ = value; });
  }
  static Value of_int(std::int64_t value) {
    return Value(Kind::Int, [&](Value& v) { v.int_ = value; });
  }
  static Value of_uint(std::uint64_t value) {
    return Value(Kind::Uint, [&](Value& v) { v.uint_ = value; });
  }
  static Value of_double(double value) {
    return Value(Kind::Double, [&](Value& v) { v.double_ = value; });
  }
  // Texts are borrowed.
  static Value of_string(std::string_view text) { return text_like(Kind::String, text); }
  static Value of_bytes(std::string_view bytes) { return text_like(Kind::Bytes, bytes); }
  static Value of_timestamp(Instant instant);
  static Value of_duration(std::int64_t nanoseconds) {
    return Value(Kind::Duration, [&](Value& v) { v.int_ = nanoseconds; });
  }
  static Value of_type(const Type* type) {
    return Value(Kind::Type, [&](Value& v) { v.pointer_ = type; });
  }
  // Lists, maps and what an optional holds are borrowed from the memory that they were made in.
  static Value of_list(std::span<const Value> elements);
  // Sorts them; keys are booleans, integers or strings, each once.
  static Value of_map(std::span<Entry> entries);
  // An object that an expression makes: its type's name, which is borrowed, and a map of its fields.
  static Value of_made(std::string_view type, Value fields, Memory& memory);
  static Value of_none() {
    return Value(Kind::Optional, [](Value& v) { v.pointer_ = nullptr; });
  }
  static Value of_some(Value value, Memory& memory);
  static Value of_lazy(const LazyFields* fields);
  // What JSON says, as `type` reads it (null: as it is). The tree is borrowed.
  static Value of_tree(const json::Tree& tree, const Type* type, Memory& memory);
  // Of Kubernetes' libraries: `state` is in the memory.
  static Value of_opaque(Kind kind, const void* state) {
    return Value(kind, [&](Value& v) { v.pointer_ = state; });
  }

  Kind kind() const { return kind_; }
  bool is_error() const { return kind_ == Kind::Error; }
  bool is_lazy() const { return place_ == Place::Lazy; }
  bool is_true() const { return kind_ == Kind::Bool && bool_; }
  bool is_false() const { return kind_ == Kind::Bool && !bool_; }

  // Each only of its kind.
  bool as_bool() const { return bool_; }
  std::int64_t as_int() const { return int_; }
  std::uint64_t as_uint() const { return uint_; }
  double as_double() const { return double_; }
  // Of String, Bytes and Error.
  std::string_view text() const { return {text_, extra_}; }
  Instant as_timestamp() const {
    return {int_, static_cast<std::int32_t>(extra_), static_cast<std::int32_t>(extra_ >> 32)};
  }
  std::int64_t as_duration() const { return int_; }  // nanoseconds
  const Type* as_type() const { return static_cast<const Type*>(pointer_); }
  // Null: none.
  const Value* as_optional() const { return static_cast<const Value*>(pointer_); }
  template <class T>
  const T& opaque() const {
    return *static_cast<const T*>(pointer_);
  }

  // Of lists, maps and objects: elements, entries, set fields. Of texts bytes (code points are for size()).
  std::size_t count() const;
  // Of a list.
  Value element(std::size_t index, Memory& memory) const;
  // Of a map: in its order.
  Value key(std::size_t index, Memory& memory) const;
  Value value(std::size_t index, Memory& memory) const;
  // Of a map; nothing if there is none.
  std::optional<Value> find(const Value& key, Memory& memory) const;
  // Of a map or an object; nothing if it is not there.
  std::optional<Value> find_field(std::string_view name, Memory& memory) const;
  // The same, or an error as the language has it; also of what has no fields.
  Value field(std::string_view name, Memory& memory) const;

  const Type* type() const;  // what type() answers
  // Of an object that an expression made: "Object.spec"; empty: it is none.
  std::string_view made_type() const;
  // Of what comes from JSON: how it was declared; null: not at all.
  const Type* declared_type() const { return place_ == Place::Tree ? declared() : nullptr; }

 private:
  enum class Place : std::uint8_t { Computed, Tree, Lazy, Made };
  struct MadeObject;

  template <class Set>
  Value(Kind kind, Set set) : kind_(kind) {
    set(*this);
  }
  static Value text_like(Kind kind, std::string_view text);
  static Value of_tree_as(const json::Tree& tree, const Type& type, Memory& memory);
  const Value& made_fields() const;
  const json::Tree& tree() const { return *static_cast<const json::Tree*>(pointer_); }
  const Type* declared() const { return reinterpret_cast<const Type*>(extra_); }
  const Type* declared_element() const { return declared() == nullptr ? nullptr : declared()->element; }

  Kind kind_ = Kind::Null;
  Place place_ = Place::Computed;  // of List, Map and Object
  union {
    bool bool_;
    std::int64_t int_ = 0;
    std::uint64_t uint_;
    double double_;
    const char* text_;
    const void* pointer_;
  };
  std::uintptr_t extra_ = 0;  // a text's size, a computed list's or map's count, nanoseconds, a tree's type
};

struct Entry {
  Value key;
  Value value;
};

// Across kinds of numbers by value; of different kinds otherwise false. An error never gets here.
bool is_equal(const Value& a, const Value& b, Memory& memory);
// Less than 0, 0, more than 0; nothing if they have no order (NaN, or kinds that have none between them).
std::optional<int> compare(const Value& a, const Value& b);

// The error of a call that no declaration fits.
inline Value no_such_overload() { return Value::of_error("no such overload"); }

// As JSON; nothing of what JSON does not know, and of what is deeper or, about, larger than any object may
// be.
inline constexpr std::size_t kTreeDepth = 200;
inline constexpr std::size_t kTreeBytes = 3 << 20;
std::optional<json::Tree> to_tree(const Value& value, Memory& memory);

}  // namespace gantry::kube::cel
