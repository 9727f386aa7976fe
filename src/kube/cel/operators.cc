// SPDX-License-Identifier: Apache-2.0
//
// Operators (langdef.md, "List of Standard Definitions"). Numbers that do not fit are errors.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "kube/cel/function.h"
#include "kube/cel/keyed_elements.h"
#include "kube/cel/time_text.h"

namespace gantry::kube::cel {
namespace {

Value int_overflow() { return Value::of_error("integer overflow"); }
Value uint_overflow() { return Value::of_error("unsigned integer overflow"); }
Value duration_overflow() { return Value::of_error("duration overflow"); }
Value timestamp_overflow() { return Value::of_error("timestamp overflow"); }

using Checked = bool (*)(std::int64_t, std::int64_t, std::int64_t*);
using CheckedUnsigned = bool (*)(std::uint64_t, std::uint64_t, std::uint64_t*);

template <Checked overflows>
Value int_operation(const Call& call) {
  std::int64_t result = 0;
  return overflows(call[0].as_int(), call[1].as_int(), &result) ? int_overflow() : Value::of_int(result);
}

template <CheckedUnsigned overflows>
Value uint_operation(const Call& call) {
  std::uint64_t result = 0;
  return overflows(call[0].as_uint(), call[1].as_uint(), &result) ? uint_overflow() : Value::of_uint(result);
}

template <class T>
bool add(T a, T b, T* result) {
  return __builtin_add_overflow(a, b, result);
}
template <class T>
bool subtract(T a, T b, T* result) {
  return __builtin_sub_overflow(a, b, result);
}
template <class T>
bool multiply(T a, T b, T* result) {
  return __builtin_mul_overflow(a, b, result);
}

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();

Value divide(const Call& call) {
  if (call[1].as_int() == 0) return Value::of_error("division by zero");
  if (call[0].as_int() == kLowest && call[1].as_int() == -1) return int_overflow();
  return Value::of_int(call[0].as_int() / call[1].as_int());
}

Value remainder(const Call& call) {
  if (call[1].as_int() == 0) return Value::of_error("modulus by zero");
  if (call[0].as_int() == kLowest && call[1].as_int() == -1) return int_overflow();
  return Value::of_int(call[0].as_int() % call[1].as_int());
}

template <Checked overflows>
Value duration_operation(const Call& call) {
  std::int64_t result = 0;
  const bool is_over = overflows(call[0].as_duration(), call[1].as_duration(), &result);
  return is_over ? duration_overflow() : Value::of_duration(result);
}

Value moved(Instant instant, std::int64_t nanoseconds) {
  std::int64_t fraction = instant.nanoseconds + nanoseconds % kSecond;
  instant.seconds += nanoseconds / kSecond;
  if (fraction < 0) {
    fraction += kSecond;
    --instant.seconds;
  } else if (fraction >= kSecond) {
    fraction -= kSecond;
    ++instant.seconds;
  }
  instant.nanoseconds = static_cast<std::int32_t>(fraction);
  if (instant.seconds < kFirstSecond || instant.seconds > kLastSecond) return timestamp_overflow();
  return Value::of_timestamp(instant);
}

Value between(const Call& call) {
  const Instant later = call[0].as_timestamp();
  const Instant earlier = call[1].as_timestamp();
  std::int64_t result = 0;
  const bool is_over = __builtin_mul_overflow(later.seconds - earlier.seconds, kSecond, &result) ||
                       __builtin_add_overflow(result, later.nanoseconds - earlier.nanoseconds, &result);
  return is_over ? duration_overflow() : Value::of_duration(result);
}

std::string_view joined(const Call& call) {
  const std::string_view a = call.text(0);
  const std::string_view b = call.text(1);
  const std::span<char> to = call.memory.array<char>(a.size() + b.size());
  std::ranges::copy(b, std::ranges::copy(a, to.begin()).out);
  return {to.data(), to.size()};
}

Value list_of(const std::vector<Value>& elements, const Call& call) {
  const std::span<Value> kept = call.memory.array<Value>(elements.size());
  std::ranges::copy(elements, kept.begin());
  return Value::of_list(kept);
}

// A set takes what it does not hold; in a map's list an element takes the place of the one with its keys.
Value join_keyed(const Call& call, const Type& declared) {
  std::vector<Value> all;
  std::map<std::string, std::size_t> places;
  for (std::size_t list = 0; list < 2; ++list)
    for (std::size_t i = 0; i < call[list].count(); ++i) {
      const Value element = call[list].element(i, call.memory);
      const auto [place, is_new] =
          places.try_emplace(KeyedElements::key_of(element, declared, call.memory), all.size());
      if (is_new)
        all.push_back(element);
      else if (declared.list_type == ListType::Map)
        all[place->second] = element;
    }
  return list_of(all, call);
}

Value join_lists(const Call& call) {
  const Type* declared = call[0].declared_type();
  if (declared != nullptr && declared->list_type != ListType::Atomic) return join_keyed(call, *declared);
  const std::span<Value> all = call.memory.array<Value>(call[0].count() + call[1].count());
  std::size_t next = 0;
  for (std::size_t list = 0; list < 2; ++list)
    for (std::size_t i = 0; i < call[list].count(); ++i) all[next++] = call[list].element(i, call.memory);
  return Value::of_list(all);
}

enum class Relation : std::uint8_t { Less, LessOrEqual, Greater, GreaterOrEqual };

// What has no order (NaN) is neither less nor greater.
template <Relation relation>
Value in_order(const Call& call) {
  const auto order = compare(call[0], call[1]);
  if (!order) return Value::of_bool(false);
  switch (relation) {
    case Relation::Less: return Value::of_bool(*order < 0);
    case Relation::LessOrEqual: return Value::of_bool(*order <= 0);
    case Relation::Greater: return Value::of_bool(*order > 0);
    case Relation::GreaterOrEqual: return Value::of_bool(*order >= 0);
  }
  return no_such_overload();
}

Value in_list(const Call& call) {
  for (std::size_t i = 0; i < call[1].count(); ++i)
    if (is_equal(call[0], call[1].element(i, call.memory), call.memory)) return Value::of_bool(true);
  return Value::of_bool(false);
}

Value element_of(const Call& call) {
  const std::int64_t index = call[1].as_int();
  if (index < 0 || static_cast<std::uint64_t>(index) >= call[0].count())
    return call.error(fmt::format("index out of bounds: {}", index));
  return call[0].element(static_cast<std::size_t>(index), call.memory);
}

std::string text_of_key(const Value& key) {
  switch (key.kind()) {
    case Kind::String: return std::string(key.text());
    case Kind::Int: return std::to_string(key.as_int());
    case Kind::Uint: return std::to_string(key.as_uint());
    case Kind::Bool: return key.as_bool() ? "true" : "false";
    default: return std::string(name_of(key.kind()));
  }
}

Value value_of(const Call& call) {
  if (auto found = call[0].find(call[1], call.memory)) return *found;
  return call.error(fmt::format("no such key: {}", text_of_key(call[1])));
}

// [?_]: of a list or a map, or of an optional of one. What is not there is none.
Value optional_at(const Call& call) {
  Value base = call[0];
  if (base.kind() == Kind::Optional) {
    if (base.as_optional() == nullptr) return base;
    base = *base.as_optional();
  }
  if (base.kind() == Kind::Map) {
    const auto found = base.find(call[1], call.memory);
    return found ? Value::of_some(*found, call.memory) : Value::of_none();
  }
  if (base.kind() != Kind::List || call[1].kind() != Kind::Int) return no_such_overload();
  const std::int64_t index = call[1].as_int();
  if (index < 0 || static_cast<std::uint64_t>(index) >= base.count()) return Value::of_none();
  return Value::of_some(base.element(static_cast<std::size_t>(index), call.memory), call.memory);
}

Value equal(const Call& call) { return Value::of_bool(is_equal(call[0], call[1], call.memory)); }
Value not_equal(const Call& call) { return Value::of_bool(!is_equal(call[0], call[1], call.memory)); }

#define GANTRY_CEL_ORDERED(a, b, cost)                                       \
  {"_<_(" a ", " b ") -> bool", cost, in_order<Relation::Less>},             \
      {"_<=_(" a ", " b ") -> bool", cost, in_order<Relation::LessOrEqual>}, \
      {"_>_(" a ", " b ") -> bool", cost, in_order<Relation::Greater>}, {    \
    "_>=_(" a ", " b ") -> bool", cost, in_order<Relation::GreaterOrEqual>   \
  }

constexpr Declaration kOperators[] = {
    {"_+_(int, int) -> int", Cost::One, int_operation<add<std::int64_t>>},
    {"_+_(uint, uint) -> uint", Cost::One, uint_operation<add<std::uint64_t>>},
    {"_+_(double, double) -> double", Cost::One,
     [](const Call& call) { return Value::of_double(call[0].as_double() + call[1].as_double()); }},
    {"_+_(string, string) -> string", Cost::BothTexts,
     [](const Call& call) { return Value::of_string(joined(call)); }},
    {"_+_(bytes, bytes) -> bytes", Cost::BothTexts,
     [](const Call& call) { return Value::of_bytes(joined(call)); }},
    {"_+_(list(A), list(A)) -> list(A)", Cost::BothLists, join_lists},
    {"_+_(duration, duration) -> duration", Cost::One, duration_operation<add<std::int64_t>>},
    {"_+_(timestamp, duration) -> timestamp", Cost::One,
     [](const Call& call) { return moved(call[0].as_timestamp(), call[1].as_duration()); }},
    {"_+_(duration, timestamp) -> timestamp", Cost::One,
     [](const Call& call) { return moved(call[1].as_timestamp(), call[0].as_duration()); }},

    {"_-_(int, int) -> int", Cost::One, int_operation<subtract<std::int64_t>>},
    {"_-_(uint, uint) -> uint", Cost::One, uint_operation<subtract<std::uint64_t>>},
    {"_-_(double, double) -> double", Cost::One,
     [](const Call& call) { return Value::of_double(call[0].as_double() - call[1].as_double()); }},
    {"_-_(duration, duration) -> duration", Cost::One, duration_operation<subtract<std::int64_t>>},
    {"_-_(timestamp, duration) -> timestamp", Cost::One,
     [](const Call& call) {
       if (call[1].as_duration() == kLowest) return duration_overflow();
       return moved(call[0].as_timestamp(), -call[1].as_duration());
     }},
    {"_-_(timestamp, timestamp) -> duration", Cost::One, between},

    {"_*_(int, int) -> int", Cost::One, int_operation<multiply<std::int64_t>>},
    {"_*_(uint, uint) -> uint", Cost::One, uint_operation<multiply<std::uint64_t>>},
    {"_*_(double, double) -> double", Cost::One,
     [](const Call& call) { return Value::of_double(call[0].as_double() * call[1].as_double()); }},

    {"_/_(int, int) -> int", Cost::One, divide},
    {"_/_(uint, uint) -> uint", Cost::One,
     [](const Call& call) {
       if (call[1].as_uint() == 0) return Value::of_error("division by zero");
       return Value::of_uint(call[0].as_uint() / call[1].as_uint());
     }},
    {"_/_(double, double) -> double", Cost::One,
     [](const Call& call) { return Value::of_double(call[0].as_double() / call[1].as_double()); }},
    {"_%_(int, int) -> int", Cost::One, remainder},
    {"_%_(uint, uint) -> uint", Cost::One,
     [](const Call& call) {
       if (call[1].as_uint() == 0) return Value::of_error("modulus by zero");
       return Value::of_uint(call[0].as_uint() % call[1].as_uint());
     }},

    {"-_(int) -> int", Cost::One,
     [](const Call& call) {
       return call[0].as_int() == kLowest ? int_overflow() : Value::of_int(-call[0].as_int());
     }},
    {"-_(double) -> double", Cost::One,
     [](const Call& call) { return Value::of_double(-call[0].as_double()); }},
    {"!_(bool) -> bool", Cost::One, [](const Call& call) { return Value::of_bool(!call[0].as_bool()); }},

    {"_==_(A, A) -> bool", Cost::Shorter, equal},
    {"_!=_(A, A) -> bool", Cost::Shorter, not_equal},
    GANTRY_CEL_ORDERED("bool", "bool", Cost::One),
    GANTRY_CEL_ORDERED("int", "int", Cost::One),
    GANTRY_CEL_ORDERED("int", "uint", Cost::One),
    GANTRY_CEL_ORDERED("int", "double", Cost::One),
    GANTRY_CEL_ORDERED("uint", "uint", Cost::One),
    GANTRY_CEL_ORDERED("uint", "int", Cost::One),
    GANTRY_CEL_ORDERED("uint", "double", Cost::One),
    GANTRY_CEL_ORDERED("double", "double", Cost::One),
    GANTRY_CEL_ORDERED("double", "int", Cost::One),
    GANTRY_CEL_ORDERED("double", "uint", Cost::One),
    GANTRY_CEL_ORDERED("string", "string", Cost::Shorter),
    GANTRY_CEL_ORDERED("bytes", "bytes", Cost::Shorter),
    GANTRY_CEL_ORDERED("timestamp", "timestamp", Cost::One),
    GANTRY_CEL_ORDERED("duration", "duration", Cost::One),

    {"@in(A, list(A)) -> bool", Cost::InList, in_list},
    {"@in(A, map(A, B)) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(call[1].find(call[0], call.memory).has_value()); }},
    {"_[_](list(A), int) -> A", Cost::One, element_of},
    {"_[_](map(A, B), A) -> B", Cost::One, value_of},
    {"_[?_](list(A), int) -> optional(A)", Cost::One, optional_at},
    {"_[?_](map(A, B), A) -> optional(B)", Cost::One, optional_at},
    {"_[?_](optional(list(A)), int) -> optional(A)", Cost::One, optional_at},
    {"_[?_](optional(map(A, B)), A) -> optional(B)", Cost::One, optional_at},
};

#undef GANTRY_CEL_ORDERED

}  // namespace

std::span<const Declaration> operator_functions() { return kOperators; }

}  // namespace gantry::kube::cel
