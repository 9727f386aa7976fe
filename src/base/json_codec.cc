// SPDX-License-Identifier: Apache-2.0
#include "base/json_codec.h"

#include <algorithm>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "base/printable.h"

namespace gantry::json {
namespace {

using Form = Type::Form;

// A field's place in its document: links on the call stack, made into text only for an error.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;     // of an object's member...
  std::size_t index = 0;    // ...or the index in an array, when there is no key
  bool is_map_key = false;  // a key that the document chose, not the specification
};

void append(std::string& text, const Path* path) {
  if (path == nullptr) return;
  append(text, path->parent);
  if (path->is_map_key) {
    text += fmt::format("['{}']", printable(path->key));
  } else if (path->key.empty()) {
    text += fmt::format("[{}]", path->index);
  } else {
    if (!text.empty()) text += '.';
    text += path->key;
  }
}

Error make_refusal(const Path* path, fmt::string_view reason, fmt::format_args args) {
  std::string text;
  append(text, path);
  if (!text.empty()) text += ": ";
  return Error(Code::InvalidArgument, 0, text + fmt::vformat(reason, args));
}

template <class... Args>
Error refuse(const Path* path, fmt::format_string<Args...> reason, const Args&... args) {
  return make_refusal(path, reason, fmt::make_format_args(args...));
}

std::string describe(const Value& value) {
  switch (value.kind()) {
    case Kind::Number: return printable(value.to_text(), 40);
    case Kind::Bool: return value.as_bool() ? "true" : "false";
    default: return std::string(name_of(value.kind()));
  }
}

Result<void> expect(Kind kind, const Value& value, const Path* path) {
  if (value.kind() == kind) return {};
  return refuse(path, "expected {}, is {}", name_of(kind), name_of(value.kind()));
}

struct Decoder {
  UnknownKeys unknown;

  Result<void> value(const Value& value, void* target, const Type& type, const Path* path);
  Result<void> integer(const Value& value, void* target, const Type& type, const Path* path);
  Result<void> word(const Value& value, void* target, const Type& type, const Path* path);
  Result<void> text(const Value& value, void* target, const Type& type, const Path* path);
  Result<void> object(const Value& value, void* target, const Type& type, const Path* path);
};

class DecodingFields final : public Fields {
 public:
  DecodingFields(Decoder& decoder, const Value& object, const Path* path)
      : decoder_(decoder), object_(object), path_(path) {}
  Result<void> take_result() { return std::move(result_); }
  // Members of the object that a field asked for.
  std::size_t known() const { return known_; }

 private:
  void visit(std::string_view key, void* field, const Type& type, Presence presence) override {
    if (!result_) return;
    const Path path{.parent = path_, .key = key};
    const std::optional<Value> value = object_.find(key);
    if (value) ++known_;
    if (value && !value->is_null())
      result_ = decoder_.value(*value, field, type, &path);
    else if (presence == Presence::Required)
      result_ = refuse(&path, "is required");
  }

  Decoder& decoder_;
  const Value& object_;
  const Path* path_;
  std::size_t known_ = 0;
  Result<void> result_;
};

class KeyFields final : public Fields {
 public:
  std::vector<std::string> keys;

 private:
  void visit(std::string_view key, void*, const Type&, Presence) override { keys.emplace_back(key); }
};

Result<void> Decoder::object(const Value& value, void* target, const Type& type, const Path* path) {
  TRY(expect(Kind::Object, value, path));
  DecodingFields fields(*this, value, path);
  type.describe(fields, target);
  TRY(fields.take_result());
  if (unknown == UnknownKeys::Ignore || fields.known() == value.size()) return {};
  KeyFields described;
  type.describe(described, target);
  for (std::size_t i = 0; i < value.size(); ++i)
    if (std::ranges::find(described.keys, value.key(i)) == described.keys.end())
      return refuse(path, "unknown key '{}'", printable(value.key(i)));
  return {};
}

Result<void> Decoder::integer(const Value& value, void* target, const Type& type, const Path* path) {
  const std::size_t bits = 8 * type.size;
  if (value.kind() == Kind::Number) {
    if (type.form == Form::Signed) {
      const std::optional<std::int64_t> number = value.as_int64();
      const std::int64_t max = std::numeric_limits<std::int64_t>::max() >> (64 - bits);
      if (number && *number <= max && *number >= -max - 1) {
        switch (type.size) {
          case 1: *static_cast<std::int8_t*>(target) = static_cast<std::int8_t>(*number); break;
          case 2: *static_cast<std::int16_t*>(target) = static_cast<std::int16_t>(*number); break;
          case 4: *static_cast<std::int32_t*>(target) = static_cast<std::int32_t>(*number); break;
          default: *static_cast<std::int64_t*>(target) = *number;
        }
        return {};
      }
    } else {
      const std::optional<std::uint64_t> number = value.as_uint64();
      const std::uint64_t max = std::numeric_limits<std::uint64_t>::max() >> (64 - bits);
      if (number && *number <= max) {
        switch (type.size) {
          case 1: *static_cast<std::uint8_t*>(target) = static_cast<std::uint8_t>(*number); break;
          case 2: *static_cast<std::uint16_t*>(target) = static_cast<std::uint16_t>(*number); break;
          case 4: *static_cast<std::uint32_t*>(target) = static_cast<std::uint32_t>(*number); break;
          default: *static_cast<std::uint64_t*>(target) = *number;
        }
        return {};
      }
    }
  }
  return refuse(path, "expected {} {}-bit integer, is {}", type.form == Form::Signed ? "a" : "an unsigned",
                bits, describe(value));
}

Result<void> Decoder::word(const Value& value, void* target, const Type& type, const Path* path) {
  TRY(expect(Kind::String, value, path));
  const std::span words(type.words, type.word_count);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] != value.as_string()) continue;
    *static_cast<std::uint8_t*>(target) = static_cast<std::uint8_t>(i);
    return {};
  }
  return refuse(path, "'{}' is not one of {}", printable(value.as_string()), fmt::join(words, ", "));
}

Result<void> check_no_nul(std::string_view text, const Path* path) {
  if (text.find('\0') == std::string_view::npos) return {};
  return refuse(path, "contains a NUL byte");
}

Result<void> Decoder::text(const Value& value, void* target, const Type& type, const Path* path) {
  TRY(expect(Kind::String, value, path));
  if (Result<void> parsed = type.parse(target, value.as_string()); !parsed)
    return refuse(path, "{}", parsed.error().message()).with_code(parsed.error().code());
  return {};
}

Result<void> Decoder::value(const Value& value, void* target, const Type& type, const Path* path) {
  switch (type.form) {
    case Form::Bool:
      TRY(expect(Kind::Bool, value, path));
      *static_cast<bool*>(target) = value.as_bool();
      return {};
    case Form::Signed:
    case Form::Unsigned: return integer(value, target, type, path);
    case Form::Double:
      TRY(expect(Kind::Number, value, path));
      *static_cast<double*>(target) = value.as_double();
      return {};
    case Form::String:
      TRY(expect(Kind::String, value, path));
      TRY(check_no_nul(value.as_string(), path));
      *static_cast<std::string*>(target) = value.as_string();
      return {};
    case Form::Enum: return word(value, target, type, path);
    case Form::Text: return text(value, target, type, path);
    case Form::Struct: return object(value, target, type, path);
    case Form::Optional: return this->value(value, type.emplace(target), *type.element, path);
    case Form::Vector: {
      if (type.takes_one && value.kind() != Kind::Array)
        return this->value(value, type.resize(target, 1), *type.element, path);
      TRY(expect(Kind::Array, value, path));
      auto* element = static_cast<std::byte*>(type.resize(target, value.size()));
      for (std::size_t i = 0; i < value.size(); ++i, element += type.element->size) {
        const Path place{.parent = path, .index = i};
        TRY(this->value(value.at(i), element, *type.element, &place));
      }
      return {};
    }
    case Form::Map:
      TRY(expect(Kind::Object, value, path));
      for (std::size_t i = 0; i < value.size(); ++i) {
        const Path place{.parent = path, .key = value.key(i), .is_map_key = true};
        TRY(check_no_nul(value.key(i), &place));
        void* element = type.insert(target, value.key(i));
        if (!value.at(i).is_null()) TRY(this->value(value.at(i), element, *type.element, &place));
      }
      return {};
  }
  return {};
}

// `fields` functions take what they describe by reference to fill it; these two only read.
void* readable(const void* object) { return const_cast<void*>(object); }

bool is_empty(const void* object, const Type& type);

class EmptinessFields final : public Fields {
 public:
  bool is_empty() const { return is_empty_; }

 private:
  void visit(std::string_view, void* field, const Type& type, Presence presence) override {
    is_empty_ = is_empty_ && presence == Presence::OmitEmpty && json::is_empty(field, type);
  }
  bool is_empty_ = true;
};

std::int64_t signed_integer(const void* object, std::size_t size) {
  switch (size) {
    case 1: return *static_cast<const std::int8_t*>(object);
    case 2: return *static_cast<const std::int16_t*>(object);
    case 4: return *static_cast<const std::int32_t*>(object);
    default: return *static_cast<const std::int64_t*>(object);
  }
}

std::uint64_t unsigned_integer(const void* object, std::size_t size) {
  switch (size) {
    case 1: return *static_cast<const std::uint8_t*>(object);
    case 2: return *static_cast<const std::uint16_t*>(object);
    case 4: return *static_cast<const std::uint32_t*>(object);
    default: return *static_cast<const std::uint64_t*>(object);
  }
}

bool is_empty(const void* object, const Type& type) {
  switch (type.form) {
    case Form::Bool: return !*static_cast<const bool*>(object);
    case Form::Signed: return signed_integer(object, type.size) == 0;
    case Form::Unsigned: return unsigned_integer(object, type.size) == 0;
    case Form::Double: return *static_cast<const double*>(object) == 0;
    case Form::String: return static_cast<const std::string*>(object)->empty();
    case Form::Enum: return false;  // its first word is a word like the others
    case Form::Text: return type.text(object).empty();
    case Form::Vector: return type.elements(object).count == 0;
    case Form::Optional: return type.get(object) == nullptr;
    case Form::Struct: {
      EmptinessFields fields;
      type.describe(fields, readable(object));
      return fields.is_empty();
    }
    case Form::Map: {
      bool empty = true;
      type.for_each(object, &empty, [](void* context, auto...) { *static_cast<bool*>(context) = false; });
      return empty;
    }
  }
  return false;
}

class EncodingFields final : public Fields {
 public:
  explicit EncodingFields(Writer& writer) : writer_(writer) {}

 private:
  void visit(std::string_view key, void* field, const Type& type, Presence presence) override {
    if (presence == Presence::OmitEmpty && is_empty(field, type)) return;
    writer_.key(key);
    encode(writer_, field, type);
  }
  Writer& writer_;
};

}  // namespace

std::vector<std::string> keys_of(const Type& type, void* object) {
  KeyFields described;
  type.describe(described, object);
  return std::move(described.keys);
}

Result<void> decode(const Value& value, void* object, const Type& type, UnknownKeys unknown) {
  return Decoder{unknown}.value(value, object, type, nullptr);
}

void encode(Writer& writer, const void* object, const Type& type) {
  switch (type.form) {
    case Form::Bool: writer.value(*static_cast<const bool*>(object)); return;
    case Form::Signed: writer.value(signed_integer(object, type.size)); return;
    case Form::Unsigned: writer.value(unsigned_integer(object, type.size)); return;
    case Form::Double: writer.value(*static_cast<const double*>(object)); return;
    case Form::String: writer.value(*static_cast<const std::string*>(object)); return;
    case Form::Enum: writer.value(type.words[*static_cast<const std::uint8_t*>(object)]); return;
    case Form::Text: writer.value(type.text(object)); return;
    case Form::Struct: {
      writer.begin_object();
      EncodingFields fields(writer);
      type.describe(fields, readable(object));
      writer.end_object();
      return;
    }
    case Form::Vector: {
      writer.begin_array();
      const auto [first, count] = type.elements(object);
      for (std::size_t i = 0; i < count; ++i) encode(writer, first + i * type.element->size, *type.element);
      writer.end_array();
      return;
    }
    case Form::Map: {
      struct Context {
        Writer& writer;
        const Type& element;
      } context{writer, *type.element};
      writer.begin_object();
      type.for_each(object, &context, [](void* opaque, std::string_view key, const void* value) {
        const auto& [target, element] = *static_cast<Context*>(opaque);
        encode(target.key(key), value, element);
      });
      writer.end_object();
      return;
    }
    case Form::Optional:
      if (const void* value = type.get(object))
        encode(writer, value, *type.element);
      else
        writer.null();
      return;
  }
}

}  // namespace gantry::json
