// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/decode.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "kube/schema/spelling.h"

namespace gantry::kube {
namespace {

using json::Kind;
using json::Tree;
using json::Value;

// Where a value stands: a chain from it up to the top. Only when there is something to tell is it made text.
struct Place {
  const Place* parent = nullptr;
  std::string_view key;   // of a member; empty at the top and for an element
  std::size_t index = 0;  // of an element

  bool is_element() const { return parent != nullptr && key.data() == nullptr; }
};

// "spec.containers[0].name", or without the indexes.
std::string text_of(const Place* place, bool has_indexes) {
  if (place == nullptr || place->parent == nullptr) return {};
  std::string text = text_of(place->parent, has_indexes);
  if (place->is_element()) return has_indexes ? fmt::format("{}[{}]", text, place->index) : text;
  return text.empty() ? std::string(place->key) : fmt::format("{}.{}", text, place->key);
}

// More are not told: a hostile object has many.
constexpr std::size_t kMostComplaints = 100;

class Complaints {
 public:
  explicit Complaints(FieldValidation validation) : is_silent_(validation == FieldValidation::Ignore) {}

  void add(std::string_view what, const Place& parent, std::string_view key) {
    if (is_silent_ || texts_.size() >= kMostComplaints) return;
    const Place place{.parent = &parent, .key = key};
    texts_.push_back(fmt::format("{} field \"{}\"", what, text_of(&place, true)));
  }
  std::vector<std::string>& texts() { return texts_; }

 private:
  bool is_silent_;
  std::vector<std::string> texts_;
};

// ---- The form of values

// As Go names it in messages: "v1.PodSpec", "[]v1.Container".
std::string go_name(const Type& type) {
  switch (type.form) {
    case Form::Bool: return "bool";
    case Form::Int32: return "int32";
    case Form::Int64: return "int64";
    case Form::Double: return "float64";
    case Form::Bytes: return "[]uint8";
    case Form::Map: return "map[string]" + go_name(*type.element);
    case Form::List: return "[]" + go_name(*type.element);
    case Form::Struct: {
      const std::size_t kind = type.name.rfind('.');
      if (kind == std::string::npos || kind == 0) return type.name;
      const std::size_t version = type.name.rfind('.', kind - 1);
      return version == std::string::npos ? type.name : type.name.substr(version + 1);
    }
    default: return "string";
  }
}

std::string_view last_word(std::string_view name) { return name.substr(name.rfind('.') + 1); }

std::string_view go_kind(Kind kind) {
  switch (kind) {
    case Kind::Null: return "null";
    case Kind::Bool: return "bool";
    case Kind::Number: return "number";
    case Kind::String: return "string";
    case Kind::Array: return "array";
    case Kind::Object: return "object";
  }
  return "?";
}

Kind kind_of(Form form) {
  switch (form) {
    case Form::Bool: return Kind::Bool;
    case Form::Int32:
    case Form::Int64:
    case Form::Double: return Kind::Number;
    case Form::Struct:
    case Form::Map: return Kind::Object;
    case Form::List: return Kind::Array;
    default: return Kind::String;
  }
}

bool is_int32(const Tree& value) {
  const std::optional<std::int64_t> number = value.as_int64();
  return number && *number >= std::numeric_limits<std::int32_t>::min() &&
         *number <= std::numeric_limits<std::int32_t>::max();
}

// What stands for null where something has to stand: in lists and maps.
Tree zero_of(const Type& type) {
  switch (type.form) {
    case Form::Bool: return false;
    case Form::Int32:
    case Form::Int64:
    case Form::Double:
    case Form::IntOrString: return 0;
    case Form::Quantity: return "0";
    case Form::Struct:
    case Form::Map: return json::TreeObject();
    case Form::List: return json::TreeArray();
    case Form::String:
    case Form::Bytes: return "";
    default: return {};
  }
}

// Of a value that is right for its type.
bool is_zero(const Type& type, const Tree& value) {
  switch (type.form) {
    case Form::Bool: return !value.as_bool();
    case Form::Int32:
    case Form::Int64:
    case Form::Double: return value.as_double() == 0;
    case Form::String:
    case Form::Bytes: return value.as_string().empty();
    case Form::List: return value.array().empty();
    case Form::Map: return value.object().empty();
    default: return false;
  }
}

// Brings a tree into the form of its type, in place. A function that returns false has set error_.
class Conformer {
 public:
  explicit Conformer(Complaints& complaints) : complaints_(complaints) {}

  bool conform(const Type& type, Tree& value, const Place& place) {
    if (type.form == Form::Any) return true;
    // What a CustomResourceDefinition says of forms is found by its validation.
    if (type.constraints != nullptr && value.kind() != kind_of(type.form)) return true;
    switch (type.form) {
      case Form::Struct: return value.is_object() ? members(type, value, place) : refuse(type, value, place);
      case Form::Map: return value.is_object() ? entries(type, value, place) : refuse(type, value, place);
      case Form::List: return value.is_array() ? elements(type, value, place) : refuse(type, value, place);
      default: return type.constraints != nullptr || scalar(type, value, place);
    }
  }

  std::string error() && { return std::move(error_); }

 private:
  bool members(const Type& type, Tree& value, const Place& place) {
    const Type* const outer = std::exchange(struct_, &type);
    bool is_right = true;
    value.object().erase_if([&](std::string_view key, Tree& member) {
      if (!is_right) return false;
      const Field* const field = type.find(key);
      if (field == nullptr) {
        if (type.preserves_unknown) return false;
        complaints_.add("unknown", place, key);
        return true;
      }
      if (member.is_null()) return type.constraints == nullptr;
      if (!conform(*field->type, member, {.parent = &place, .key = key})) {
        is_right = false;
        return false;
      }
      return type.constraints == nullptr && !field->keeps_zero && is_zero(*field->type, member);
    });
    struct_ = outer;
    return is_right;
  }

  bool entries(const Type& type, Tree& value, const Place& place) {
    for (auto& [key, entry] : value.object()) {
      if (entry.is_null() && type.constraints == nullptr)
        entry = zero_of(*type.element);
      else if (!conform(*type.element, entry, {.parent = &place, .key = key}))
        return false;
    }
    return true;
  }

  bool elements(const Type& type, Tree& value, const Place& place) {
    std::size_t index = 0;
    for (Tree& element : value.array()) {
      if (element.is_null() && type.constraints == nullptr)
        element = zero_of(*type.element);
      else if (!conform(*type.element, element, {.parent = &place, .index = index}))
        return false;
      ++index;
    }
    return true;
  }

  bool scalar(const Type& type, Tree& value, const Place& place) {
    switch (type.form) {
      case Form::String: return value.is_string() || refuse(type, value, place);
      case Form::Bool: return value.kind() == Kind::Bool || refuse(type, value, place);
      case Form::Double: return value.kind() == Kind::Number || refuse(type, value, place);
      case Form::Int32: return is_int32(value) || refuse(type, value, place);
      case Form::Int64: return value.as_int64() || refuse(type, value, place);
      case Form::IntOrString:
        return value.is_string() || is_int32(value) ||
               fail(fmt::format("json: cannot unmarshal {} into Go value of type int32", described(value)));
      case Form::Quantity:
        if (value.kind() == Kind::Number) value = value.to_text();
        [[fallthrough]];
      default: return value.is_string() ? spelling(type, value) : refuse(type, value, place);
    }
  }

  bool spelling(const Type& type, Tree& value) {
    Result<std::optional<std::string>> canonical = canonical_spelling(type.form, value.as_string());
    if (!canonical) return fail(canonical.error().message());
    if (*canonical) value = std::move(**canonical);
    return true;
  }

  static std::string described(const Tree& value) {
    if (value.kind() != Kind::Number) return std::string(go_kind(value.kind()));
    return fmt::format("number {}", value.to_text());
  }

  bool refuse(const Type& type, const Tree& value, const Place& place) {
    const bool is_number = kind_of(type.form) == Kind::Number;
    const std::string what = is_number ? described(value) : std::string(go_kind(value.kind()));
    const std::string path = text_of(&place, false);
    const std::string into = struct_ == nullptr || path.empty()
                                 ? std::string("value")
                                 : fmt::format("struct field {}.{}", last_word(struct_->name), path);
    return fail(fmt::format("json: cannot unmarshal {} into Go {} of type {}", what, into, go_name(type)));
  }

  bool fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  Complaints& complaints_;
  const Type* struct_ = nullptr;  // the innermost around the value that is looked at
  std::string error_;
};

// ---- Keys that stand twice

void find_repeated(const Value& value, const Place& place, Complaints& complaints) {
  if (value.kind() == Kind::Array) {
    for (std::size_t i = 0; i < value.size(); ++i)
      find_repeated(value.at(i), {.parent = &place, .index = i}, complaints);
  }
  if (value.kind() != Kind::Object) return;
  std::vector<std::string_view> keys;
  keys.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    keys.push_back(value.key(i));
    find_repeated(value.at(i), {.parent = &place, .key = value.key(i)}, complaints);
  }
  std::ranges::sort(keys);
  for (auto at = std::ranges::adjacent_find(keys); at != keys.end();) {
    complaints.add("duplicate", place, *at);
    at = std::find_if(at, keys.end(), [key = *at](std::string_view other) { return other != key; });
    at = std::adjacent_find(at, keys.end());
  }
}

// ---- Answers

// The message that says of which kind the object was to be.
Status refusal(const Type& type, std::string_view reason) {
  const std::string go = go_name(type);
  const std::string_view kind = last_word(go);
  const std::string_view version = std::string_view(go).substr(0, go.size() - kind.size());
  return bad_request(fmt::format("{0} in version \"{1}\" cannot be handled as a {0}: {2}", kind,
                                 version.substr(0, version.size() - !version.empty()), reason));
}

Answer<Decoded> conformed(const Type& type, Tree object, Complaints complaints, FieldValidation validation) {
  Conformer conformer(complaints);
  if (!conformer.conform(type, object, Place())) return refusal(type, std::move(conformer).error());
  Decoded decoded{.object = std::move(object), .warnings = std::move(complaints.texts())};
  if (validation == FieldValidation::Strict && !decoded.warnings.empty())
    return refusal(type, fmt::format("strict decoding error: {}", fmt::join(decoded.warnings, ", ")));
  return decoded;
}

}  // namespace

Answer<Decoded> decode(const Type& type, std::string json, FieldValidation validation) {
  Result<json::Document> document = json::Document::parse(std::move(json), kObjectLimits);
  if (!document)
    return bad_request(
        fmt::format("the object provided is unrecognized (must be of type {}): couldn't get version/kind; "
                    "json parse error: {}",
                    last_word(type.name), document.error().message()));
  Complaints complaints(validation);
  if (document->has_repeated_keys()) find_repeated(document->root(), Place(), complaints);
  return conformed(type, Tree(document->root()), std::move(complaints), validation);
}

Answer<Decoded> decode_tree(const Type& type, Tree object, FieldValidation validation) {
  return conformed(type, std::move(object), Complaints(validation), validation);
}

void prune(const Type& type, Tree& value) {
  switch (type.form) {
    case Form::Struct:
      if (!value.is_object()) return;
      value.object().erase_if([&](std::string_view key, Tree& member) {
        const Field* const field = type.find(key);
        if (field == nullptr) return !type.preserves_unknown;
        prune(*field->type, member);
        return false;
      });
      return;
    case Form::Map:
      if (!value.is_object()) return;
      for (auto& [key, entry] : value.object()) prune(*type.element, entry);
      return;
    case Form::List:
      if (!value.is_array()) return;
      for (Tree& element : value.array()) prune(*type.element, element);
      return;
    default: return;
  }
}

}  // namespace gantry::kube
