// SPDX-License-Identifier: Apache-2.0
//
// The language's extension for mathematics.
#include <cmath>

#include <fmt/format.h>

#include "kube/cel/function.h"

namespace gantry::kube::cel {
namespace {

// math.greatest(a, b, ...) comes here with a list of its arguments, or with one that is a list or a number.
Value extreme(const Call& call, int wanted, std::string_view name) {
  const Value& given = call[0];
  if (given.kind() != Kind::List) return given;
  if (given.count() == 0) return call.error(fmt::format("math.@{}(list) argument must not be empty", name));
  Value best = given.element(0, call.memory);
  for (std::size_t i = 0; i < given.count(); ++i) {
    const Value next = given.element(i, call.memory);
    const bool is_number =
        next.kind() == Kind::Int || next.kind() == Kind::Uint || next.kind() == Kind::Double;
    if (!is_number) return no_such_overload();
    if (compare(next, best) == wanted) best = next;
  }
  return best;
}

Value greatest(const Call& call) { return extreme(call, 1, "max"); }
Value least(const Call& call) { return extreme(call, -1, "min"); }

template <double (*function)(double)>
Value of_double(const Call& call) {
  return Value::of_double(function(call[0].as_double()));
}
double sign_of(double value) { return std::isnan(value) ? value : value < 0 ? -1 : value > 0; }

Value shifted(const Call& call, bool is_left) {
  const std::int64_t bits = call[1].as_int();
  if (bits < 0)
    return call.error(fmt::format("math.bitShift{}() negative offset: {}", is_left ? "Left" : "Right", bits));
  const std::uint64_t value =
      call[0].kind() == Kind::Int ? static_cast<std::uint64_t>(call[0].as_int()) : call[0].as_uint();
  const std::uint64_t result = bits > 63 ? 0 : is_left ? value << bits : value >> bits;
  return call[0].kind() == Kind::Int ? Value::of_int(static_cast<std::int64_t>(result))
                                     : Value::of_uint(result);
}

Value absolute(const Call& call) {
  const std::int64_t value = call[0].as_int();
  if (value == std::numeric_limits<std::int64_t>::min()) return Value::of_error("integer overflow");
  return Value::of_int(value < 0 ? -value : value);
}

constexpr Declaration kFunctions[] = {
    {"math.greatest(int) -> int", Cost::One, greatest},
    {"math.greatest(uint) -> uint", Cost::One, greatest},
    {"math.greatest(double) -> double", Cost::One, greatest},
    {"math.greatest(list(A)) -> A", Cost::Scan, greatest},
    {"math.least(int) -> int", Cost::One, least},
    {"math.least(uint) -> uint", Cost::One, least},
    {"math.least(double) -> double", Cost::One, least},
    {"math.least(list(A)) -> A", Cost::Scan, least},
    {"math.ceil(double) -> double", Cost::One, of_double<std::ceil>},
    {"math.floor(double) -> double", Cost::One, of_double<std::floor>},
    {"math.round(double) -> double", Cost::One, of_double<std::round>},
    {"math.trunc(double) -> double", Cost::One, of_double<std::trunc>},
    {"math.abs(double) -> double", Cost::One, of_double<std::fabs>},
    {"math.abs(int) -> int", Cost::One, absolute},
    {"math.abs(uint) -> uint", Cost::One, [](const Call& call) { return call[0]; }},
    {"math.sign(double) -> double", Cost::One, of_double<sign_of>},
    {"math.sign(int) -> int", Cost::One,
     [](const Call& call) { return Value::of_int((call[0].as_int() > 0) - (call[0].as_int() < 0)); }},
    {"math.sign(uint) -> uint", Cost::One,
     [](const Call& call) { return Value::of_uint(call[0].as_uint() > 0); }},
    {"math.isNaN(double) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(std::isnan(call[0].as_double())); }},
    {"math.isInf(double) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(std::isinf(call[0].as_double())); }},
    {"math.isFinite(double) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(std::isfinite(call[0].as_double())); }},
    {"math.bitAnd(int, int) -> int", Cost::One,
     [](const Call& call) { return Value::of_int(call[0].as_int() & call[1].as_int()); }},
    {"math.bitOr(int, int) -> int", Cost::One,
     [](const Call& call) { return Value::of_int(call[0].as_int() | call[1].as_int()); }},
    {"math.bitXor(int, int) -> int", Cost::One,
     [](const Call& call) { return Value::of_int(call[0].as_int() ^ call[1].as_int()); }},
    {"math.bitNot(int) -> int", Cost::One, [](const Call& call) { return Value::of_int(~call[0].as_int()); }},
    {"math.bitAnd(uint, uint) -> uint", Cost::One,
     [](const Call& call) { return Value::of_uint(call[0].as_uint() & call[1].as_uint()); }},
    {"math.bitOr(uint, uint) -> uint", Cost::One,
     [](const Call& call) { return Value::of_uint(call[0].as_uint() | call[1].as_uint()); }},
    {"math.bitXor(uint, uint) -> uint", Cost::One,
     [](const Call& call) { return Value::of_uint(call[0].as_uint() ^ call[1].as_uint()); }},
    {"math.bitNot(uint) -> uint", Cost::One,
     [](const Call& call) { return Value::of_uint(~call[0].as_uint()); }},
    {"math.bitShiftLeft(int, int) -> int", Cost::One, [](const Call& call) { return shifted(call, true); }},
    {"math.bitShiftLeft(uint, int) -> uint", Cost::One, [](const Call& call) { return shifted(call, true); }},
    {"math.bitShiftRight(int, int) -> int", Cost::One, [](const Call& call) { return shifted(call, false); }},
    {"math.bitShiftRight(uint, int) -> uint", Cost::One,
     [](const Call& call) { return shifted(call, false); }},
};

}  // namespace

std::span<const Declaration> math_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
