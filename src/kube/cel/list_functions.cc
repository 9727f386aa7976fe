// SPDX-License-Identifier: Apache-2.0
//
// Lists: Kubernetes' functions, the language's extension for lists, and sets.
#include <algorithm>

#include <fmt/format.h>

#include "kube/cel/function.h"

namespace gantry::kube::cel {
namespace {

std::vector<Value> elements_of(const Value& list, Memory& memory) {
  std::vector<Value> elements(list.count());
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = list.element(i, memory);
  return elements;
}

Value list_of(std::span<const Value> elements, Memory& memory) {
  if (!memory.has_room(elements.size_bytes())) return Value::of_error("result is too large");
  const std::span<Value> kept = memory.array<Value>(elements.size());
  std::ranges::copy(elements, kept.begin());
  return Value::of_list(kept);
}

Value is_sorted(const Call& call) {
  for (std::size_t i = 1; i < call[0].count(); ++i) {
    const auto order = compare(call[0].element(i - 1, call.memory), call[0].element(i, call.memory));
    if (!order) return no_such_overload();
    if (*order > 0) return Value::of_bool(false);
  }
  return Value::of_bool(true);
}

Value sum_from(Value total, const Call& call) {
  const auto add = Library::standard().find("_+_");
  for (std::size_t i = 0; i < call[0].count() && !total.is_error(); ++i) {
    const Value pair[] = {total, call[0].element(i, call.memory)};
    const auto fitting =
        std::ranges::find_if(add, [&](const Overload& overload) { return overload.fits(pair); });
    if (fitting == add.end()) return no_such_overload();
    total = fitting->run({.arguments = pair, .memory = call.memory});
  }
  return total;
}

// `wanted`: -1 for the least, 1 for the greatest.
Value extreme(const Call& call, int wanted, std::string_view name) {
  if (call[0].count() == 0) return call.error(fmt::format("{} called on empty list", name));
  Value best = call[0].element(0, call.memory);
  for (std::size_t i = 1; i < call[0].count(); ++i) {
    const Value next = call[0].element(i, call.memory);
    const auto order = compare(next, best);
    if (!order) return no_such_overload();
    if (*order == wanted) best = next;
  }
  return best;
}

Value least(const Call& call) { return extreme(call, -1, "min"); }
Value greatest(const Call& call) { return extreme(call, 1, "max"); }

Value index_of(const Call& call) {
  for (std::size_t i = 0; i < call[0].count(); ++i)
    if (is_equal(call[0].element(i, call.memory), call[1], call.memory))
      return Value::of_int(static_cast<std::int64_t>(i));
  return Value::of_int(-1);
}

Value last_index_of(const Call& call) {
  for (std::size_t i = call[0].count(); i-- > 0;)
    if (is_equal(call[0].element(i, call.memory), call[1], call.memory))
      return Value::of_int(static_cast<std::int64_t>(i));
  return Value::of_int(-1);
}

Value slice(const Call& call) {
  const std::int64_t from = call[1].as_int();
  const std::int64_t to = call[2].as_int();
  if (from < 0 || to < 0)
    return call.error(fmt::format("cannot slice({}, {}), negative indexes not supported", from, to));
  if (from > to)
    return call.error(
        fmt::format("cannot slice({}, {}), start index must be less than or equal to end index", from, to));
  if (static_cast<std::uint64_t>(to) > call[0].count())
    return call.error(fmt::format("cannot slice({}, {}), list is length {}", from, to, call[0].count()));
  const auto elements = elements_of(call[0], call.memory);
  return list_of(
      std::span(elements).subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)),
      call.memory);
}

void flatten_into(std::vector<Value>& to, const Value& list, std::int64_t depth, Memory& memory) {
  for (std::size_t i = 0; i < list.count(); ++i) {
    const Value element = list.element(i, memory);
    if (element.kind() == Kind::List && depth > 0)
      flatten_into(to, element, depth - 1, memory);
    else
      to.push_back(element);
  }
}

Value flatten(const Call& call) {
  const std::int64_t depth = call.arguments.size() > 1 ? call[1].as_int() : 1;
  if (depth < 0) return Value::of_error("level must be non-negative");
  std::vector<Value> all;
  flatten_into(all, call[0], depth, call.memory);
  return list_of(all, call.memory);
}

bool contains(std::span<const Value> elements, const Value& value, Memory& memory) {
  return std::ranges::any_of(elements,
                             [&](const Value& element) { return is_equal(element, value, memory); });
}

Value distinct(const Call& call) {
  std::vector<Value> kept;
  for (const Value& element : elements_of(call[0], call.memory))
    if (!contains(kept, element, call.memory)) kept.push_back(element);
  return list_of(kept, call.memory);
}

Value sort(const Call& call) {
  auto elements = elements_of(call[0], call.memory);
  for (const Value& element : elements)
    if (element.kind() != elements.front().kind() || !compare(element, element))
      return Value::of_error("list elements must have the same type");
  std::ranges::stable_sort(elements,
                           [](const Value& a, const Value& b) { return compare(a, b).value_or(0) < 0; });
  return list_of(elements, call.memory);
}

Value reverse(const Call& call) {
  auto elements = elements_of(call[0], call.memory);
  std::ranges::reverse(elements);
  return list_of(elements, call.memory);
}

Value range(const Call& call) {
  const std::int64_t count = call[0].as_int();
  if (count < 0) return Value::of_list({});
  if (!call.memory.has_room(static_cast<std::size_t>(std::min<std::int64_t>(count, 1 << 30)) * sizeof(Value)))
    return Value::of_error("result is too large");
  const std::span<Value> list = call.memory.array<Value>(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = Value::of_int(static_cast<std::int64_t>(i));
  return Value::of_list(list);
}

bool contains_all(const Call& call, std::size_t outer, std::size_t inner) {
  const auto all = elements_of(call[outer], call.memory);
  return std::ranges::all_of(elements_of(call[inner], call.memory),
                             [&](const Value& wanted) { return contains(all, wanted, call.memory); });
}

Value intersects(const Call& call) {
  const auto all = elements_of(call[0], call.memory);
  return Value::of_bool(std::ranges::any_of(elements_of(call[1], call.memory), [&](const Value& wanted) {
    return contains(all, wanted, call.memory);
  }));
}

#define GANTRY_CEL_COMPARABLE(type)                              \
  {".isSorted(list(" type ")) -> bool", Cost::Scan, is_sorted},  \
      {".min(list(" type ")) -> " type, Cost::Scan, least},      \
      {".max(list(" type ")) -> " type, Cost::Scan, greatest}, { \
    ".sort(list(" type ")) -> list(" type ")", Cost::Sort, sort  \
  }

constexpr Declaration kFunctions[] = {
    GANTRY_CEL_COMPARABLE("int"),
    GANTRY_CEL_COMPARABLE("uint"),
    GANTRY_CEL_COMPARABLE("double"),
    GANTRY_CEL_COMPARABLE("bool"),
    GANTRY_CEL_COMPARABLE("duration"),
    GANTRY_CEL_COMPARABLE("timestamp"),
    GANTRY_CEL_COMPARABLE("string"),
    GANTRY_CEL_COMPARABLE("bytes"),
    {".sum(list(int)) -> int", Cost::Scan,
     [](const Call& call) {
       // Of a list whose type is known only now, the first element says what is added.
       const Kind kind = call[0].count() == 0 ? Kind::Int : call[0].element(0, call.memory).kind();
       if (kind == Kind::Uint) return sum_from(Value::of_uint(0), call);
       if (kind == Kind::Double) return sum_from(Value::of_double(0), call);
       if (kind == Kind::Duration) return sum_from(Value::of_duration(0), call);
       return sum_from(Value::of_int(0), call);
     }},
    {".sum(list(uint)) -> uint", Cost::Scan,
     [](const Call& call) { return sum_from(Value::of_uint(0), call); }},
    {".sum(list(double)) -> double", Cost::Scan,
     [](const Call& call) { return sum_from(Value::of_double(0), call); }},
    {".sum(list(duration)) -> duration", Cost::Scan,
     [](const Call& call) { return sum_from(Value::of_duration(0), call); }},
    {".indexOf(list(A), A) -> int", Cost::Scan, index_of},
    {".lastIndexOf(list(A), A) -> int", Cost::Scan, last_index_of},

    {".slice(list(A), int, int) -> list(A)", Cost::Copy, slice},
    {".flatten(list(dyn)) -> list(dyn)", Cost::Copy, flatten},
    {".flatten(list(dyn), int) -> list(dyn)", Cost::Copy, flatten},
    {".distinct(list(A)) -> list(A)", Cost::Sort, distinct},
    {".reverse(list(A)) -> list(A)", Cost::Copy, reverse},
    {"lists.range(int) -> list(int)", Cost::Copy, range},

    {"sets.contains(list(A), list(A)) -> bool", Cost::EachOfEach,
     [](const Call& call) { return Value::of_bool(contains_all(call, 0, 1)); }},
    {"sets.equivalent(list(A), list(A)) -> bool", Cost::EachOfEach,
     [](const Call& call) { return Value::of_bool(contains_all(call, 0, 1) && contains_all(call, 1, 0)); }},
    {"sets.intersects(list(A), list(A)) -> bool", Cost::EachOfEach, intersects},
};

#undef GANTRY_CEL_COMPARABLE

}  // namespace

std::span<const Declaration> list_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
