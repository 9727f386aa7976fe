// SPDX-License-Identifier: Apache-2.0
//
// JSON, read and written. A Document owns a parsed text; a Value is a cheap
// view into it and lives no longer. Numbers keep 64-bit integers exact. The
// parser is iterative and bounds depth, so no input can exhaust the stack; a
// repeated key in an object is an error, since two readers of such a text
// could disagree about what it says.
//
//   json::Document document = TRY(json::Document::parse(text));
//   std::string_view id = document.root().find("id")->as_string();
//
//   json::Writer w;                     // or json::Writer w(json::Style::Indented)
//   w.begin_object().key("pid").value(42).end_object();
//   std::string text = std::move(w).text();
//
// Strings are UTF-8 and may contain NUL bytes ("\u0000"); who hands one to the kernel has to look.
// Decoding into structs is json_codec.h.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::json {

enum class Kind : std::uint8_t { Null, Bool, Number, String, Array, Object };
std::string_view name_of(Kind kind);  // "null", "a boolean", "a number", ...

class Value {
 public:
  Kind kind() const;
  bool is_null() const { return kind() == Kind::Null; }

  // False, empty or 0 if it is of another kind, so that a forgotten look at kind() is only a wrong answer.
  bool as_bool() const;
  std::string_view as_string() const;
  double as_double() const;
  // Empty if it is not an integer of that range.
  std::optional<std::int64_t> as_int64() const;
  std::optional<std::uint64_t> as_uint64() const;

  std::size_t size() const;                       // of an array or object, else 0
  Value at(std::size_t index) const;              // of an array, or the index-th member's value
  std::string_view key(std::size_t index) const;  // the index-th member's name
  std::optional<Value> find(std::string_view key) const;

  // This value as JSON text.
  std::string to_text() const;

 private:
  friend class Document;
  friend class Writer;
  explicit Value(const void* node) : node_(node) {}
  const void* node_;
};

struct Limits {
  std::size_t bytes = 16 << 20;
  std::size_t depth = 128;
  bool allows_repeated_keys = false;  // for who takes the last of them, and says so
};

class Document {
 public:
  // Exactly one JSON value with white space around it; the error says line and column.
  static Result<Document> parse(std::string text, const Limits& limits = {});
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();
  Value root() const;
  // Whether some object has a key twice, where that is allowed.
  bool has_repeated_keys() const;

 private:
  struct State;
  explicit Document(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

enum class Style : std::uint8_t { Compact, Indented };

// A Writer makes JSON text; calls out of order (a value where a key belongs) are the caller's mistake
// and give broken text. Bytes that are not UTF-8 are written as U+FFFD, infinities and NaN as null.
class Writer {
 public:
  explicit Writer(Style style = Style::Compact) : style_(style) {}

  Writer& begin_object() { return begin('{'); }
  Writer& end_object() { return end('}'); }
  Writer& begin_array() { return begin('['); }
  Writer& end_array() { return end(']'); }
  Writer& key(std::string_view name);
  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  Writer& value(double number);
  Writer& null() { return raw("null"); }
  Writer& value(const Value& tree);
  // A value that is JSON text already.
  Writer& raw(std::string_view json);
  template <std::integral T>
  Writer& value(T number) {
    if constexpr (std::same_as<T, bool>)
      return raw(number ? "true" : "false");
    else if constexpr (std::signed_integral<T>)
      return signed_number(number);
    else
      return unsigned_number(number);
  }
  std::string text() && { return std::move(text_); }

 private:
  Writer& signed_number(std::int64_t number);
  Writer& unsigned_number(std::uint64_t number);
  Writer& begin(char bracket);
  Writer& end(char bracket);
  void before_value();
  void break_line();
  void append_quoted(std::string_view text);

  std::string text_;
  std::size_t depth_ = 0;
  Style style_;
  bool first_ = true;       // nothing was written yet at this depth
  bool after_key_ = false;  // the next value belongs to the key just written
};

}  // namespace gantry::json
