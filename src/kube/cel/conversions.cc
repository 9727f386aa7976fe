// SPDX-License-Identifier: Apache-2.0
//
// From one type to another, and sizes (langdef.md, "List of Standard Definitions").
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/duration.h"
#include "kube/cel/function.h"
#include "kube/cel/time_text.h"
#include "kube/cel/utf8.h"

namespace gantry::kube::cel {
namespace {

template <class T>
std::optional<T> number_of(std::string_view text) {
  if (std::is_signed_v<T> && text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return {};
  return value;
}

Value wrong_conversion(const Call& call, std::string_view from, std::string_view to) {
  return call.error(fmt::format("type conversion error from '{}' to '{}'", from, to));
}

Value int_of_double(const Call& call) {
  const double value = call[0].as_double();
  if (!(value > -0x1p63 && value < 0x1p63)) return Value::of_error("integer overflow");
  return Value::of_int(static_cast<std::int64_t>(value));
}

Value uint_of_double(const Call& call) {
  const double value = call[0].as_double();
  if (!(value >= 0 && value < 0x1p64)) return Value::of_error("unsigned integer overflow");
  return Value::of_uint(static_cast<std::uint64_t>(value));
}

// The shortest text that reads as the same number, as Go's %g writes it: exponents have two digits at least.
std::string text_of(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-4 || size >= 1e21)) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
    return {buffer, end.ptr};
  }
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  return {buffer, end.ptr};
}

Value bool_of_text(const Call& call) {
  const std::string_view text = call.text(0);
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == word) return Value::of_bool(true);
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == word) return Value::of_bool(false);
  return wrong_conversion(call, "string", "bool");
}

Value text_of_bytes(const Call& call) {
  if (!is_utf8(call.text(0))) return Value::of_error("invalid UTF-8 in bytes, cannot convert to string");
  return Value::of_string(call.text(0));
}

Value itself(const Call& call) { return call[0]; }
Value code_points(const Call& call) {
  return Value::of_int(static_cast<std::int64_t>(count_code_points(call.text(0))));
}
Value count(const Call& call) { return Value::of_int(static_cast<std::int64_t>(call[0].count())); }

constexpr Declaration kConversions[] = {
    {"int(int) -> int", Cost::One, itself},
    {"int(uint) -> int", Cost::One,
     [](const Call& call) {
       if (call[0].as_uint() >> 63 != 0) return Value::of_error("integer overflow");
       return Value::of_int(static_cast<std::int64_t>(call[0].as_uint()));
     }},
    {"int(double) -> int", Cost::One, int_of_double},
    {"int(string) -> int", Cost::One,
     [](const Call& call) {
       const auto value = number_of<std::int64_t>(call.text(0));
       return value ? Value::of_int(*value) : wrong_conversion(call, "string", "int");
     }},
    {"int(timestamp) -> int", Cost::One,
     [](const Call& call) { return Value::of_int(call[0].as_timestamp().seconds); }},
    {"int(duration) -> int", Cost::One,
     [](const Call& call) { return Value::of_int(call[0].as_duration()); }},

    {"uint(uint) -> uint", Cost::One, itself},
    {"uint(int) -> uint", Cost::One,
     [](const Call& call) {
       if (call[0].as_int() < 0) return Value::of_error("unsigned integer overflow");
       return Value::of_uint(static_cast<std::uint64_t>(call[0].as_int()));
     }},
    {"uint(double) -> uint", Cost::One, uint_of_double},
    {"uint(string) -> uint", Cost::One,
     [](const Call& call) {
       const auto value = number_of<std::uint64_t>(call.text(0));
       return value ? Value::of_uint(*value) : wrong_conversion(call, "string", "uint");
     }},

    {"double(double) -> double", Cost::One, itself},
    {"double(int) -> double", Cost::One,
     [](const Call& call) { return Value::of_double(static_cast<double>(call[0].as_int())); }},
    {"double(uint) -> double", Cost::One,
     [](const Call& call) { return Value::of_double(static_cast<double>(call[0].as_uint())); }},
    {"double(string) -> double", Cost::One,
     [](const Call& call) {
       const auto value = number_of<double>(call.text(0));
       return value ? Value::of_double(*value) : wrong_conversion(call, "string", "double");
     }},

    {"string(string) -> string", Cost::One, itself},
    {"string(bool) -> string", Cost::One,
     [](const Call& call) { return Value::of_string(call[0].as_bool() ? "true" : "false"); }},
    {"string(int) -> string", Cost::One,
     [](const Call& call) { return call.string(std::to_string(call[0].as_int())); }},
    {"string(uint) -> string", Cost::One,
     [](const Call& call) { return call.string(std::to_string(call[0].as_uint())); }},
    {"string(double) -> string", Cost::One,
     [](const Call& call) { return call.string(text_of(call[0].as_double())); }},
    {"string(bytes) -> string", Cost::FromBytes, text_of_bytes},
    {"string(timestamp) -> string", Cost::One,
     [](const Call& call) { return call.string(format_instant(call[0].as_timestamp())); }},
    {"string(duration) -> string", Cost::One,
     [](const Call& call) { return call.string(format_seconds(call[0].as_duration())); }},

    {"bytes(bytes) -> bytes", Cost::One, itself},
    {"bytes(string) -> bytes", Cost::ToBytes, [](const Call& call) { return Value::of_bytes(call.text(0)); }},

    {"bool(bool) -> bool", Cost::One, itself},
    {"bool(string) -> bool", Cost::One, bool_of_text},

    {"timestamp(timestamp) -> timestamp", Cost::One, itself},
    {"timestamp(string) -> timestamp", Cost::One,
     [](const Call& call) {
       const auto instant = parse_instant(call.text(0));
       return instant ? Value::of_timestamp(*instant)
                      : wrong_conversion(call, "string", "google.protobuf.Timestamp");
     }},
    {"timestamp(int) -> timestamp", Cost::One,
     [](const Call& call) {
       const std::int64_t seconds = call[0].as_int();
       if (seconds < kFirstSecond || seconds > kLastSecond) return Value::of_error("timestamp overflow");
       return Value::of_timestamp({seconds, 0});
     }},
    {"duration(duration) -> duration", Cost::One, itself},
    {"duration(string) -> duration", Cost::One,
     [](const Call& call) {
       const auto duration = parse_duration(call.text(0));
       return duration ? Value::of_duration(duration->count())
                       : wrong_conversion(call, "string", "google.protobuf.Duration");
     }},
    {"duration(int) -> duration", Cost::One,
     [](const Call& call) { return Value::of_duration(call[0].as_int()); }},

    {"dyn(A) -> dyn", Cost::One, itself},
    {"type(A) -> type", Cost::One, [](const Call& call) { return Value::of_type(call[0].type()); }},

    {"size(string) -> int", Cost::One, code_points},
    {"size(bytes) -> int", Cost::One, count},
    {"size(list(A)) -> int", Cost::One, count},
    {"size(map(A, B)) -> int", Cost::One, count},
    {".size(string) -> int", Cost::One, code_points},
    {".size(bytes) -> int", Cost::One, count},
    {".size(list(A)) -> int", Cost::One, count},
    {".size(map(A, B)) -> int", Cost::One, count},
};

}  // namespace

std::span<const Declaration> conversion_functions() { return kConversions; }

}  // namespace gantry::kube::cel
