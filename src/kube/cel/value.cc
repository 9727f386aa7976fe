// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/value.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/duration.h"
#include "kube/cel/keyed_elements.h"
#include "kube/cel/time_text.h"

namespace gantry::kube::cel {
namespace {

bool is_number(Kind kind) { return kind == Kind::Int || kind == Kind::Uint || kind == Kind::Double; }

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int order_int_uint(std::int64_t a, std::uint64_t b) {
  return a < 0 ? -1 : order(static_cast<std::uint64_t>(a), b);
}

// An integer beside a double: exact, where a conversion to double would round.
template <class Integer>
std::optional<int> order_integer_double(Integer a, double b) {
  constexpr double kLow = static_cast<double>(std::numeric_limits<Integer>::min());
  constexpr double kHigh = static_cast<double>(std::numeric_limits<Integer>::max());
  if (std::isnan(b)) return {};
  if (b < kLow) return 1;
  if (b >= kHigh) return -1;
  const Integer whole = static_cast<Integer>(b);
  if (const int by_whole = order(a, whole); by_whole != 0) return by_whole;
  return order(static_cast<double>(whole), b);
}

std::optional<int> negated(std::optional<int> value) { return value ? std::optional(-*value) : value; }

std::optional<int> compare_numbers(const Value& a, const Value& b) {
  if (a.kind() == Kind::Int && b.kind() == Kind::Int) return order(a.as_int(), b.as_int());
  if (a.kind() == Kind::Uint && b.kind() == Kind::Uint) return order(a.as_uint(), b.as_uint());
  if (a.kind() == Kind::Int && b.kind() == Kind::Uint) return order_int_uint(a.as_int(), b.as_uint());
  if (a.kind() == Kind::Uint && b.kind() == Kind::Int) return -order_int_uint(b.as_int(), a.as_uint());
  if (a.kind() == Kind::Int) return order_integer_double(a.as_int(), b.as_double());
  if (a.kind() == Kind::Uint) return order_integer_double(a.as_uint(), b.as_double());
  if (b.kind() == Kind::Int) return negated(order_integer_double(b.as_int(), a.as_double()));
  if (b.kind() == Kind::Uint) return negated(order_integer_double(b.as_uint(), a.as_double()));
  if (std::isnan(a.as_double()) || std::isnan(b.as_double())) return {};
  return order(a.as_double(), b.as_double());
}

// The declaration of either, where the order of elements does not count.
const Type* list_type_of(const Value& a, const Value& b) {
  for (const Value* list : {&a, &b})
    if (list->declared_type() != nullptr && list->declared_type()->list_type != ListType::Atomic)
      return list->declared_type();
  return nullptr;
}

bool have_same_elements(const Value& a, const Value& b, const Type& declared, Memory& memory) {
  const KeyedElements left(a, declared, memory);
  const KeyedElements right(b, declared, memory);
  return std::ranges::equal(left.sorted(), right.sorted(), [&](const auto& x, const auto& y) {
    return x.first == y.first && is_equal(x.second, y.second, memory);
  });
}

bool are_lists_equal(const Value& a, const Value& b, Memory& memory) {
  if (a.count() != b.count()) return false;
  const Type* declared = list_type_of(a, b);
  if (declared != nullptr) return have_same_elements(a, b, *declared, memory);
  for (std::size_t i = 0; i < a.count(); ++i)
    if (!is_equal(a.element(i, memory), b.element(i, memory), memory)) return false;
  return true;
}

bool are_maps_equal(const Value& a, const Value& b, Memory& memory) {
  if (a.count() != b.count()) return false;
  for (std::size_t i = 0; i < a.count(); ++i) {
    const auto other = b.find(a.key(i, memory), memory);
    if (!other || !is_equal(a.value(i, memory), *other, memory)) return false;
  }
  return true;
}

bool are_optionals_equal(const Value& a, const Value& b, Memory& memory) {
  if (a.as_optional() == nullptr || b.as_optional() == nullptr) return a.as_optional() == b.as_optional();
  return is_equal(*a.as_optional(), *b.as_optional(), memory);
}

bool are_versions_equal(const Version& a, const Version& b) {
  return a.major == b.major && a.minor == b.minor && a.patch == b.patch && a.prerelease == b.prerelease;
}

// Numbers, then texts, then booleans: the order of computed maps, by which keys are found.
int order_of_keys(const Value& a, const Value& b) {
  const auto rank = [](Kind kind) { return is_number(kind) ? 0 : kind == Kind::String ? 1 : 2; };
  if (const int by_rank = order(rank(a.kind()), rank(b.kind())); by_rank != 0) return by_rank;
  return compare(a, b).value_or(0);
}

Value value_of_number(const json::Tree& tree) {
  if (const auto integer = tree.as_int64()) return Value::of_int(*integer);
  return Value::of_double(tree.as_double());
}

}  // namespace

Value Value::text_like(Kind kind, std::string_view text) {
  return Value(kind, [&](Value& v) {
    v.text_ = text.data();
    v.extra_ = text.size();
  });
}

Value Value::of_timestamp(Instant instant) {
  return Value(Kind::Timestamp, [&](Value& v) {
    v.int_ = instant.seconds;
    v.extra_ = static_cast<std::uint32_t>(instant.nanoseconds) |
               static_cast<std::uintptr_t>(static_cast<std::uint32_t>(instant.offset_minutes)) << 32;
  });
}

Value Value::of_list(std::span<const Value> elements) {
  return Value(Kind::List, [&](Value& v) {
    v.pointer_ = elements.data();
    v.extra_ = elements.size();
  });
}

Value Value::of_map(std::span<Entry> entries) {
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) { return order_of_keys(a.key, b.key) < 0; });
  return Value(Kind::Map, [&](Value& v) {
    v.pointer_ = entries.data();
    v.extra_ = entries.size();
  });
}

Value Value::of_some(Value value, Memory& memory) {
  return Value(Kind::Optional, [&](Value& v) { v.pointer_ = memory.make(value); });
}

struct Value::MadeObject {
  std::string_view type;
  Value fields;
};

Value Value::of_made(std::string_view type, Value fields, Memory& memory) {
  return Value(Kind::Object, [&](Value& v) {
    v.place_ = Place::Made;
    v.pointer_ = memory.make(MadeObject{type, fields});
  });
}

const Value& Value::made_fields() const { return static_cast<const MadeObject*>(pointer_)->fields; }

std::string_view Value::made_type() const {
  return place_ == Place::Made ? static_cast<const MadeObject*>(pointer_)->type : std::string_view();
}

Value Value::of_lazy(const LazyFields* fields) {
  return Value(Kind::Object, [&](Value& v) {
    v.place_ = Place::Lazy;
    v.pointer_ = fields;
  });
}

Value Value::of_tree(const json::Tree& tree, const Type* type, Memory& memory) {
  if (type != nullptr && type->kind != Kind::Dyn) return of_tree_as(tree, *type, memory);
  switch (tree.kind()) {
    case json::Kind::Null: return {};
    case json::Kind::Bool: return of_bool(tree.as_bool());
    case json::Kind::Number: return value_of_number(tree);
    case json::Kind::String: return of_string(tree.as_string());
    case json::Kind::Array:
    case json::Kind::Object: break;
  }
  return Value(tree.is_array() ? Kind::List : Kind::Map, [&](Value& v) {
    v.place_ = Place::Tree;
    v.pointer_ = &tree;
  });
}

namespace {

Value value_of_text(std::string_view text, Kind kind, Memory& memory) {
  switch (kind) {
    case Kind::String: return Value::of_string(text);
    case Kind::Bytes:
      if (const auto bytes = from_base64(text)) return Value::of_bytes(memory.copy(*bytes));
      return Value::of_error("invalid data, expected base64");
    case Kind::Duration:
      if (const auto duration = parse_duration(text)) return Value::of_duration(duration->count());
      return Value::of_error("invalid data, expected a duration");
    case Kind::Timestamp:
      if (const auto instant = parse_instant(text)) return Value::of_timestamp(*instant);
      if (const auto date = parse_date(text)) return Value::of_timestamp(*date);
      return Value::of_error("invalid data, expected a time");
    default: return Value::of_error(fmt::format("invalid data, expected {}", name_of(kind)), memory);
  }
}

}  // namespace

Value Value::of_tree_as(const json::Tree& tree, const Type& type, Memory& memory) {
  if (tree.is_null()) return {};
  if (tree.is_string()) return value_of_text(tree.as_string(), type.kind, memory);
  if (tree.kind() == json::Kind::Number && type.kind == Kind::Double) return of_double(tree.as_double());
  const bool fits = (tree.kind() == json::Kind::Number && type.kind == Kind::Int) ||
                    (tree.kind() == json::Kind::Bool && type.kind == Kind::Bool) ||
                    (tree.is_array() && type.kind == Kind::List) ||
                    (tree.is_object() && (type.kind == Kind::Map || type.kind == Kind::Object));
  if (!fits) return of_error(fmt::format("invalid data, expected {}", describe(type)), memory);
  Value value = of_tree(tree, nullptr, memory);
  if (value.place_ != Place::Tree) return value;
  value.kind_ = type.kind;
  value.extra_ = reinterpret_cast<std::uintptr_t>(&type);
  return value;
}

std::size_t Value::count() const {
  if (kind_ == Kind::String || kind_ == Kind::Bytes) return extra_;
  if (place_ == Place::Lazy) return 0;
  if (place_ == Place::Made) return made_fields().count();
  if (place_ == Place::Computed) return kind_ == Kind::List || kind_ == Kind::Map ? extra_ : 0;
  return kind_ == Kind::List ? tree().array().size() : tree().object().size();
}

Value Value::element(std::size_t index, Memory& memory) const {
  if (place_ == Place::Computed) return static_cast<const Value*>(pointer_)[index];
  return of_tree(tree().array()[index], declared_element(), memory);
}

Value Value::key(std::size_t index, Memory& memory) const {
  if (place_ == Place::Made) return made_fields().key(index, memory);
  if (place_ == Place::Computed) return static_cast<const Entry*>(pointer_)[index].key;
  return of_string((tree().object().begin() + static_cast<std::ptrdiff_t>(index))->first);
}

Value Value::value(std::size_t index, Memory& memory) const {
  if (place_ == Place::Made) return made_fields().value(index, memory);
  if (place_ == Place::Computed) return static_cast<const Entry*>(pointer_)[index].value;
  const auto& member = *(tree().object().begin() + static_cast<std::ptrdiff_t>(index));
  if (kind_ == Kind::Map) return of_tree(member.second, declared_element(), memory);
  const TypeField* field = declared() == nullptr ? nullptr : declared()->find_key(member.first);
  return of_tree(member.second, field == nullptr ? nullptr : field->type, memory);
}

std::optional<Value> Value::find(const Value& key, Memory& memory) const {
  if (place_ == Place::Lazy) return {};
  if (place_ == Place::Made) return made_fields().find(key, memory);
  if (place_ == Place::Computed) {
    const std::span entries(static_cast<const Entry*>(pointer_), extra_);
    const auto found = std::ranges::lower_bound(
        entries, key, [](const Value& a, const Value& b) { return order_of_keys(a, b) < 0; }, &Entry::key);
    if (found == entries.end() || order_of_keys(found->key, key) != 0) return {};
    return found->value;
  }
  if (key.kind() != Kind::String) return {};
  if (kind_ == Kind::Map) {
    const json::Tree* found = tree().object().find(key.text());
    return found == nullptr ? std::nullopt : std::optional(of_tree(*found, declared_element(), memory));
  }
  // An object beside another: by JSON's keys.
  const json::Tree* found = tree().object().find(key.text());
  if (found == nullptr) return {};
  const TypeField* field = declared() == nullptr ? nullptr : declared()->find_key(key.text());
  return of_tree(*found, field == nullptr ? nullptr : field->type, memory);
}

std::optional<Value> Value::find_field(std::string_view name, Memory& memory) const {
  if (place_ == Place::Lazy) return static_cast<const LazyFields*>(pointer_)->field(name);
  if (kind_ == Kind::Map || place_ == Place::Made) return find(of_string(name), memory);
  const TypeField* field = declared() == nullptr ? nullptr : declared()->find(name);
  const json::Tree* found = field == nullptr ? nullptr : tree().object().find(field->key);
  // A field that is null is not there; an element or a map's value may be null.
  if (found == nullptr || found->is_null()) return {};
  return of_tree(*found, field->type, memory);
}

Value Value::field(std::string_view name, Memory& memory) const {
  if (kind_ != Kind::Map && kind_ != Kind::Object) return no_such_overload();
  if (const auto found = find_field(name, memory)) return *found;
  return of_error(fmt::format("no such key: {}", name), memory);
}

const Type* Value::type() const {
  if (kind_ == Kind::Object && place_ == Place::Tree && declared() != nullptr) return declared();
  return basic(kind_);
}

bool is_equal(const Value& a, const Value& b, Memory& memory) {
  if (is_number(a.kind()) && is_number(b.kind())) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::Null: return true;
    case Kind::Bool: return a.as_bool() == b.as_bool();
    case Kind::String:
    case Kind::Bytes: return a.text() == b.text();
    case Kind::Timestamp: return a.as_timestamp() == b.as_timestamp();
    case Kind::Duration: return a.as_duration() == b.as_duration();
    case Kind::List: return are_lists_equal(a, b, memory);
    case Kind::Map: return are_maps_equal(a, b, memory);
    case Kind::Object: return a.made_type() == b.made_type() && are_maps_equal(a, b, memory);
    case Kind::Type: return a.as_type()->kind == b.as_type()->kind;
    case Kind::Optional: return are_optionals_equal(a, b, memory);
    case Kind::Url: return a.opaque<UrlParts>().text == b.opaque<UrlParts>().text;
    case Kind::Ip: return a.opaque<IpAddress>() == b.opaque<IpAddress>();
    case Kind::Cidr: return a.opaque<CidrBlock>() == b.opaque<CidrBlock>();
    case Kind::Quantity: return a.opaque<Quantity>() == b.opaque<Quantity>();
    case Kind::Semver: return are_versions_equal(a.opaque<Version>(), b.opaque<Version>());
    default: return &a.opaque<char>() == &b.opaque<char>();
  }
}

std::optional<int> compare(const Value& a, const Value& b) {
  if (is_number(a.kind()) && is_number(b.kind())) return compare_numbers(a, b);
  if (a.kind() != b.kind()) return {};
  switch (a.kind()) {
    case Kind::Bool: return order(a.as_bool(), b.as_bool());
    case Kind::String:
    case Kind::Bytes: return order(a.text(), b.text());
    case Kind::Timestamp: return order(a.as_timestamp(), b.as_timestamp());
    case Kind::Duration: return order(a.as_duration(), b.as_duration());
    default: return {};
  }
}

}  // namespace gantry::kube::cel
