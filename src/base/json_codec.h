// SPDX-License-Identifier: Apache-2.0
//
// JSON to structs and back from one description, in which each key is written once:
//
//   struct User { std::uint32_t uid = 0; std::vector<std::string> groups; };
//
//   void fields(json::Fields& f, User& user) {       // beside the struct, found by its argument
//     f("uid", user.uid, json::Presence::Required);
//     f("groups", user.groups);
//   }
//   User user = TRY(json::decode<User>(document.root()));
//   std::string text = json::encode(user);
//
// A field may be a bool, an integer, a double, a string, an enum with `names_of(E)` (an array of its
// words in order), a described struct, and a vector, a map from strings or an optional of these; also a type
// that has a string of its own, once `TypeOf` says so (TextTypeOf).
//
// Decoding: `null` counts as absent (Go writes it for an empty slice); as the value of a map's key it is an
// empty value. Integers must be integers in
// range, strings hold no NUL byte (nearly all end in a system call, which would cut them there). Keys
// not described are ignored unless asked otherwise. What is absent keeps the value it had, so decoding
// over a filled struct merges. An error names the path: "linux.resources.memory.limit: expected a
// 64-bit integer, is a string"; its text is one line of bounded length whatever the input.
//
// Encoding leaves empty fields out as Go's omitempty does: false, 0, "", no elements, no value, and a
// struct of which nothing would be written.
//
// The engine is not a template: a field compiles to one call with a pointer and the table of its type.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace gantry::json {

enum class Presence : std::uint8_t {
  OmitEmpty,  // may be absent; left out when empty
  Always,     // may be absent; written even when empty
  Required,   // must be there; written even when empty
};

enum class UnknownKeys : std::uint8_t { Ignore, Refuse };

struct Type;

// What a `fields` function reports to.
class Fields {
 public:
  template <class T>
  void operator()(std::string_view key, T& field, Presence presence = Presence::OmitEmpty);

 protected:
  ~Fields() = default;

 private:
  virtual void visit(std::string_view key, void* field, const Type& type, Presence presence) = 0;
};

// How the engine handles a type that it knows only by address.
struct Type {
  enum class Form : std::uint8_t {
    Bool,
    Signed,
    Unsigned,
    Double,
    String,
    Enum,
    Struct,
    Vector,
    Map,
    Optional,
    Text
  };
  struct Elements {
    const std::byte* first;
    std::size_t count;
  };
  using Visit = void (*)(void* context, std::string_view key, const void* value);

  Form form;
  std::size_t size;               // bytes of the type itself
  const Type* element = nullptr;  // of a vector, a map's values, an optional
  union {
    const std::string_view* words = nullptr;                     // Enum
    void (*describe)(Fields&, void* object);                     // Struct
    void* (*resize)(void* vector, std::size_t count);            // Vector: the first element
    void* (*insert)(void* map, std::string_view key);            // Map: a new or found element
    void* (*emplace)(void* optional);                            // Optional: the value
    Result<void> (*parse)(void* object, std::string_view text);  // Text
  };
  union {
    std::size_t word_count = 0;                                     // Enum
    Elements (*elements)(const void* vector);                       // Vector
    void (*for_each)(const void* map, void* context, Visit visit);  // Map
    const void* (*get)(const void* optional);                       // Optional: the value or null
    std::string (*text)(const void* object);                        // Text: empty if it is empty
  };
  bool takes_one = false;  // Vector: a lone element stands for a list of one
};

template <class T>
struct TypeOf;

template <class T>
inline constexpr const Type& type_of = TypeOf<T>::kType;

Result<void> decode(const Value& value, void* object, const Type& type, UnknownKeys unknown);
void encode(Writer& writer, const void* object, const Type& type);

// Over what `object` holds already.
template <class T>
Result<void> decode_into(T& object, const Value& value, UnknownKeys unknown = UnknownKeys::Ignore) {
  return decode(value, &object, type_of<T>, unknown);
}

template <class T>
Result<T> decode(const Value& value, UnknownKeys unknown = UnknownKeys::Ignore) {
  T object{};
  TRY(decode(value, &object, type_of<T>, unknown));
  return object;
}

template <class T>
void encode(Writer& writer, const T& object) {
  encode(writer, &object, type_of<T>);
}

template <class T>
std::string encode(const T& object, Style style = Style::Compact) {
  Writer writer(style);
  encode(writer, &object, type_of<T>);
  return std::move(writer).text();
}

// The keys of a described struct, in order.
std::vector<std::string> keys_of(const Type& type, void* object);
template <class T>
std::vector<std::string> keys_of() {
  T object{};
  return keys_of(type_of<T>, &object);
}

template <class T>
void Fields::operator()(std::string_view key, T& field, Presence presence) {
  visit(key, &field, type_of<T>, presence);
}

// ---- The tables

template <>
struct TypeOf<bool> {
  static constexpr Type kType{.form = Type::Form::Bool, .size = sizeof(bool)};
};

template <std::integral T>
struct TypeOf<T> {
  static constexpr Type kType{.form = std::is_signed_v<T> ? Type::Form::Signed : Type::Form::Unsigned,
                              .size = sizeof(T)};
};

template <>
struct TypeOf<double> {
  static constexpr Type kType{.form = Type::Form::Double, .size = sizeof(double)};
};

template <>
struct TypeOf<std::string> {
  static constexpr Type kType{.form = Type::Form::String, .size = sizeof(std::string)};
};

template <class T>
  requires std::is_enum_v<T>
struct TypeOf<T> {
  static_assert(sizeof(T) == 1, "one byte is enough for every set of words");
  static constexpr auto kWords = names_of(T{});
  static constexpr Type kType{
      .form = Type::Form::Enum, .size = sizeof(T), .words = kWords.data(), .word_count = kWords.size()};
};

template <class T>
struct TypeOf {
  static void describe(Fields& visitor, void* object) { fields(visitor, *static_cast<T*>(object)); }
  static constexpr Type kType{.form = Type::Form::Struct, .size = sizeof(T), .describe = describe};
};

// For a type with `static Result<T> parse(std::string_view)` and `std::string str() const`:
//   template <> struct json::TypeOf<Digest> : json::TextTypeOf<Digest> {};
template <class T>
struct TextTypeOf {
  static Result<void> parse(void* object, std::string_view text) {
    *static_cast<T*>(object) = TRY(T::parse(text));
    return {};
  }
  static std::string text(const void* object) { return static_cast<const T*>(object)->str(); }
  static constexpr Type kType{.form = Type::Form::Text, .size = sizeof(T), .parse = parse, .text = text};
};

template <class T>
struct TypeOf<std::vector<T>> {
  static_assert(!std::same_as<T, bool>, "has no addresses");
  static void* resize(void* vector, std::size_t count) {
    auto& elements = *static_cast<std::vector<T>*>(vector);
    elements = std::vector<T>(count);
    return elements.data();
  }
  static Type::Elements elements(const void* vector) {
    const auto& elements = *static_cast<const std::vector<T>*>(vector);
    return {reinterpret_cast<const std::byte*>(elements.data()), elements.size()};
  }
  static constexpr Type kType{.form = Type::Form::Vector,
                              .size = sizeof(std::vector<T>),
                              .element = &type_of<T>,
                              .resize = resize,
                              .elements = elements};
};

// For a type that derives from a vector, where a document may give one element without the brackets:
//   template <> struct json::TypeOf<Words> : json::OneOrMoreTypeOf<Words> {};
template <class T>
struct OneOrMoreTypeOf {
  static void* resize(void* vector, std::size_t count) {
    auto& elements = *static_cast<T*>(vector);
    elements = T(count);
    return elements.data();
  }
  static Type::Elements elements(const void* vector) {
    const auto& elements = *static_cast<const T*>(vector);
    return {reinterpret_cast<const std::byte*>(elements.data()), elements.size()};
  }
  static constexpr Type kType{.form = Type::Form::Vector,
                              .size = sizeof(T),
                              .element = &type_of<typename T::value_type>,
                              .resize = resize,
                              .elements = elements,
                              .takes_one = true};
};

template <class T>
struct TypeOf<std::map<std::string, T>> {
  using Map = std::map<std::string, T>;
  static void* insert(void* map, std::string_view key) {
    return &(*static_cast<Map*>(map))[std::string(key)];
  }
  static void for_each(const void* map, void* context, Type::Visit visit) {
    for (const auto& [key, value] : *static_cast<const Map*>(map)) visit(context, key, &value);
  }
  static constexpr Type kType{.form = Type::Form::Map,
                              .size = sizeof(Map),
                              .element = &type_of<T>,
                              .insert = insert,
                              .for_each = for_each};
};

template <class T>
struct TypeOf<std::optional<T>> {
  // Keeps the value there is, so that decoding merges into it as it does everywhere.
  static void* emplace(void* optional) {
    auto& value = *static_cast<std::optional<T>*>(optional);
    return value ? &*value : &value.emplace();
  }
  static const void* get(const void* optional) {
    const auto& value = *static_cast<const std::optional<T>*>(optional);
    return value ? &*value : nullptr;
  }
  static constexpr Type kType{.form = Type::Form::Optional,
                              .size = sizeof(std::optional<T>),
                              .element = &type_of<T>,
                              .emplace = emplace,
                              .get = get};
};

}  // namespace gantry::json
