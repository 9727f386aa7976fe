// SPDX-License-Identifier: Apache-2.0
//
// Values that may be there or not. or(), orValue(), optMap() and optFlatMap() do not look at what they do not
// need, so the evaluator knows them; what is here of or() and orValue() is their types.
#include "kube/cel/function.h"
#include "kube/cel/time_text.h"

namespace gantry::kube::cel {
namespace {

bool is_zero(const Value& value) {
  switch (value.kind()) {
    case Kind::Null: return true;
    case Kind::Bool: return !value.as_bool();
    case Kind::Int: return value.as_int() == 0;
    case Kind::Uint: return value.as_uint() == 0;
    case Kind::Double: return value.as_double() == 0;
    case Kind::String:
    case Kind::Bytes:
    case Kind::List:
    case Kind::Map:
    case Kind::Object: return value.count() == 0;
    case Kind::Duration: return value.as_duration() == 0;
    case Kind::Timestamp: return value.as_timestamp() == Instant{.seconds = kFirstSecond};
    default: return false;
  }
}

constexpr Declaration kFunctions[] = {
    {"optional.none() -> optional(A)", Cost::One, [](const Call&) { return Value::of_none(); }},
    {"optional.of(A) -> optional(A)", Cost::One,
     [](const Call& call) { return Value::of_some(call[0], call.memory); }},
    {"optional.ofNonZeroValue(A) -> optional(A)", Cost::One,
     [](const Call& call) {
       return is_zero(call[0]) ? Value::of_none() : Value::of_some(call[0], call.memory);
     }},
    {".hasValue(optional(A)) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(call[0].as_optional() != nullptr); }},
    {".value(optional(A)) -> A", Cost::One,
     [](const Call& call) {
       if (call[0].as_optional() == nullptr) return Value::of_error("optional.none() dereference");
       return *call[0].as_optional();
     }},
    {".or(optional(A), optional(A)) -> optional(A)", Cost::One,
     [](const Call& call) { return call[0].as_optional() != nullptr ? call[0] : call[1]; }},
    {".orValue(optional(A), A) -> A", Cost::One,
     [](const Call& call) { return call[0].as_optional() != nullptr ? *call[0].as_optional() : call[1]; }},
};

}  // namespace

std::span<const Declaration> optional_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
