// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/format_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "kube/cel/time_text.h"

namespace gantry::kube::cel {
namespace {

// What may go wrong in a clause; empty text: nothing.
class Formatter {
 public:
  Formatter(const Value& arguments, Memory& memory) : arguments_(arguments), memory_(memory) {}

  Value run(std::string_view format) {
    while (error_.empty() && !format.empty()) {
      const std::size_t percent = std::min(format.find('%'), format.size());
      text_ += format.substr(0, percent);
      format.remove_prefix(percent);
      if (!format.empty()) format = clause(format.substr(1));
      if (!memory_.has_room(text_.size())) fail("result is too large");
    }
    if (!error_.empty()) return Value::of_error(std::move(error_), memory_);
    return Value::of_string(memory_.copy(text_));
  }

 private:
  void fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
  }

  std::string_view clause(std::string_view rest) {
    if (rest.starts_with('%')) {
      text_ += '%';
      return rest.substr(1);
    }
    int precision = 6;
    if (rest.starts_with('.')) {
      const auto read = std::from_chars(rest.data() + 1, rest.data() + rest.size(), precision);
      if (read.ec != std::errc() || precision > 1000)
        fail("could not parse formatting clause: bad precision");
      rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
    }
    if (rest.empty()) {
      fail("could not parse formatting clause: unexpected end of string");
    } else if (next_ >= arguments_.count()) {
      fail(fmt::format("index {} out of range", next_));
    } else if (error_.empty()) {
      put(rest.front(), precision, arguments_.element(next_++, memory_));
    }
    return rest.substr(rest.empty() ? 0 : 1);
  }

  void put(char verb, int precision, const Value& value) {
    switch (verb) {
      case 's': return put_text(value);
      case 'd': return put_decimal(value);
      case 'f': return put_real(value, precision, std::chars_format::fixed);
      case 'e': return put_real(value, precision, std::chars_format::scientific);
      case 'b': return put_binary(value);
      case 'o': return put_integer(value, "{:o}", 'o');
      case 'x': return put_hex(value, false);
      case 'X': return put_hex(value, true);
      default:
        fail(fmt::format("could not parse formatting clause: unrecognized formatting clause \"{}\"", verb));
    }
  }

  void wrong(char verb, const Value& value) {
    fail(
        fmt::format("error during formatting: %{} clause cannot be used on {}", verb, name_of(value.kind())));
  }

  void put_text(const Value& value) {
    switch (value.kind()) {
      case Kind::String:
      case Kind::Bytes: text_ += value.text(); return;
      case Kind::Null: text_ += "null"; return;
      case Kind::Bool: text_ += value.as_bool() ? "true" : "false"; return;
      case Kind::Int: text_ += std::to_string(value.as_int()); return;
      case Kind::Uint: text_ += std::to_string(value.as_uint()); return;
      case Kind::Double: text_ += text_of(value.as_double()); return;
      case Kind::Timestamp: text_ += format_instant(value.as_timestamp()); return;
      case Kind::Duration: text_ += format_seconds(value.as_duration()); return;
      case Kind::Type: text_ += name_of(value.as_type()->kind); return;
      case Kind::List: return put_list(value);
      case Kind::Map: return put_map(value);
      default: return wrong('s', value);
    }
  }

  void put_list(const Value& list) {
    text_ += '[';
    for (std::size_t i = 0; i < list.count() && error_.empty(); ++i) {
      if (i > 0) text_ += ", ";
      put_text(list.element(i, memory_));
    }
    text_ += ']';
  }

  void put_map(const Value& map) {
    text_ += '{';
    for (std::size_t i = 0; i < map.count() && error_.empty(); ++i) {
      if (i > 0) text_ += ", ";
      put_text(map.key(i, memory_));
      text_ += ": ";
      put_text(map.value(i, memory_));
    }
    text_ += '}';
  }

  static std::string text_of(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return fmt::format("{}", value);
  }

  void put_decimal(const Value& value) {
    if (value.kind() == Kind::Double && !std::isfinite(value.as_double()))
      text_ += text_of(value.as_double());
    else if (value.kind() == Kind::Double)
      wrong('d', value);
    else
      put_integer(value, "{}", 'd');
  }

  void put_integer(const Value& value, fmt::string_view format, char verb) {
    if (value.kind() == Kind::Int)
      text_ += fmt::vformat(format, fmt::make_format_args(value.as_int()));
    else if (value.kind() == Kind::Uint)
      text_ += fmt::vformat(format, fmt::make_format_args(value.as_uint()));
    else
      wrong(verb, value);
  }

  void put_real(const Value& value, int precision, std::chars_format format) {
    double real = value.as_double();
    if (value.kind() == Kind::Int)
      real = static_cast<double>(value.as_int());
    else if (value.kind() == Kind::Uint)
      real = static_cast<double>(value.as_uint());
    else if (value.kind() != Kind::Double)
      return wrong(format == std::chars_format::fixed ? 'f' : 'e', value);
    if (!std::isfinite(real)) {
      text_ += text_of(real);
      return;
    }
    if (format == std::chars_format::scientific) return put_scientific(real, precision);
    char buffer[1400];  // 309 digits before the point, 1,000 behind it
    text_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, real, format, precision).ptr);
  }

  // As the library that Kubernetes uses writes it: 3.14×10⁰⁰.
  void put_scientific(double real, int precision) {
    constexpr std::string_view kRaised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char buffer[1100];
    const char* end =
        std::to_chars(buffer, buffer + sizeof buffer, real, std::chars_format::scientific, precision).ptr;
    const std::string_view written(buffer, static_cast<std::size_t>(end - buffer));
    const std::size_t exponent = written.rfind('e');
    text_.append(written.substr(0, exponent)).append("×10");
    for (const char c : written.substr(exponent + 1)) {
      if (c == '-') text_ += "⁻";
      if (c >= '0' && c <= '9') text_ += kRaised[c - '0'];
    }
  }

  void put_binary(const Value& value) {
    if (value.kind() == Kind::Bool)
      text_ += value.as_bool() ? '1' : '0';
    else
      put_integer(value, "{:b}", 'b');
  }

  void put_hex(const Value& value, bool is_upper) {
    if (value.kind() != Kind::String && value.kind() != Kind::Bytes)
      return put_integer(value, is_upper ? "{:X}" : "{:x}", is_upper ? 'X' : 'x');
    for (const char c : value.text())
      text_ += fmt::format(fmt::runtime(is_upper ? "{:02X}" : "{:02x}"), static_cast<unsigned char>(c));
  }

  const Value& arguments_;
  Memory& memory_;
  std::size_t next_ = 0;
  std::string text_;
  std::string error_;
};

}  // namespace

Value format_text(std::string_view format, const Value& arguments, Memory& memory) {
  return Formatter(arguments, memory).run(format);
}

}  // namespace gantry::kube::cel
