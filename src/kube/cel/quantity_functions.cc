// SPDX-License-Identifier: Apache-2.0
//
// Kubernetes' library for quantities.
#include "kube/api/quantity.h"

#include "kube/cel/function.h"

namespace gantry::kube::cel {
namespace {

const Quantity& quantity(const Value& value) { return value.opaque<Quantity>(); }

Value of(const Quantity& value, const Call& call) {
  return Value::of_opaque(Kind::Quantity, call.memory.make(value));
}

Value make_quantity(const Call& call) {
  auto parsed = Quantity::parse(call.text(0));
  return parsed ? of(*parsed, call) : call.error(parsed.error().message());
}

std::optional<std::int64_t> whole(const Quantity& value) {
  return value.is_whole() ? value.value() : std::nullopt;
}

template <int sign>
Value adds(const Call& call) {
  Quantity result = quantity(call[0]);
  const Quantity other = call[1].kind() == Kind::Int ? Quantity(call[1].as_int()) : quantity(call[1]);
  return of(sign > 0 ? result += other : result -= other, call);
}

std::int64_t order(const Call& call) {
  return quantity(call[0]) < quantity(call[1]) ? -1 : quantity(call[0]) > quantity(call[1]);
}

constexpr Declaration kFunctions[] = {
    {"quantity(string) -> quantity", Cost::Parse, make_quantity},
    {"isQuantity(string) -> bool", Cost::Parse,
     [](const Call& call) { return Value::of_bool(Quantity::parse(call.text(0)).has_value()); }},
    {".sign(quantity) -> int", Cost::One,
     [](const Call& call) { return Value::of_int(quantity(call[0]).sign()); }},
    {".isInteger(quantity) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(whole(quantity(call[0])).has_value()); }},
    {".asInteger(quantity) -> int", Cost::One,
     [](const Call& call) {
       const auto value = whole(quantity(call[0]));
       return value ? Value::of_int(*value) : Value::of_error("cannot convert value to integer");
     }},
    {".asApproximateFloat(quantity) -> double", Cost::One,
     [](const Call& call) { return Value::of_double(quantity(call[0]).as_double()); }},
    {".isGreaterThan(quantity, quantity) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(order(call) > 0); }},
    {".isLessThan(quantity, quantity) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(order(call) < 0); }},
    {".compareTo(quantity, quantity) -> int", Cost::One,
     [](const Call& call) { return Value::of_int(order(call)); }},
    {".add(quantity, quantity) -> quantity", Cost::One, adds<1>},
    {".add(quantity, int) -> quantity", Cost::One, adds<1>},
    {".sub(quantity, quantity) -> quantity", Cost::One, adds<-1>},
    {".sub(quantity, int) -> quantity", Cost::One, adds<-1>},
};

}  // namespace

std::span<const Declaration> quantity_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
