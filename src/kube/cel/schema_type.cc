// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/schema_type.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/cel/identifier.h"

namespace gantry::kube::cel {
namespace {

std::uint64_t limit_at(const json::Tree& schema, std::string_view key, std::uint64_t otherwise) {
  const json::Tree* limit = schema.find(key);
  if (limit == nullptr || limit->is_null()) return otherwise;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, limit->as_int64().value_or(0)));
}

bool is_true(const json::Tree& schema, std::string_view key) {
  const json::Tree* flag = schema.find(key);
  return flag != nullptr && flag->as_bool();
}

// A limit is in code points, and one takes four bytes at most.
std::uint64_t text_limit(const json::Tree& schema, std::uint64_t otherwise) {
  constexpr std::uint64_t kNone = kUnbounded;
  const std::uint64_t limit = limit_at(schema, "maxLength", kNone);
  return limit == kNone ? otherwise : std::min(limit, kUnbounded / 4) * 4;
}

std::uint64_t longest_word(const json::Tree& words) {
  std::uint64_t longest = 0;
  for (const json::Tree& word : words.array())
    longest = std::max<std::uint64_t>(longest, word.as_string().size());
  return longest;
}

ListType list_type_of(const json::Tree& schema) {
  const std::string_view type = schema.text_at("x-kubernetes-list-type");
  return type == "map" ? ListType::Map : type == "set" ? ListType::Set : ListType::Atomic;
}

std::vector<std::string> list_keys_of(const json::Tree& schema) {
  std::vector<std::string> keys;
  if (const json::Tree* given = schema.find("x-kubernetes-list-map-keys"))
    for (const json::Tree& key : given->array()) keys.emplace_back(key.as_string());
  return keys;
}

// Whether a schema says itself what all resources have; then that counts.
bool describes_resource(const json::Tree& schema) {
  const auto is_text = [&](auto... keys) {
    const json::Tree* property = schema.find("properties", keys...);
    return property != nullptr && property->text_at("type") == "string";
  };
  return is_text("apiVersion") && is_text("kind") && is_text("metadata", "properties", "name") &&
         is_text("metadata", "properties", "generateName");
}

class SchemaReader {
 public:
  explicit SchemaReader(TypeArena& types) : types_(types) {}

  const Type* read(const json::Tree& schema, bool is_resource, const std::string& name) {
    if (is_true(schema, "x-kubernetes-int-or-string"))
      return types_.add({.max_elements = text_limit(schema, kRequestBytes - 2), .min_size = 1});
    const std::string_view type = is_resource ? "object" : schema.text_at("type");
    if (type == "array") return list(schema, name);
    if (type == "object") return is_resource ? object(schema, true, name) : map_or_object(schema, name);
    if (type == "string") return text(schema);
    // Nothing of these has a size.
    if (type == "boolean") return types_.add({.kind = Kind::Bool, .max_elements = 0, .min_size = 4});
    if (type == "number") return types_.add({.kind = Kind::Double, .max_elements = 0, .min_size = 1});
    if (type == "integer") return types_.add({.kind = Kind::Int, .max_elements = 0, .min_size = 1});
    return nullptr;
  }

 private:
  const Type* list(const json::Tree& schema, const std::string& name) {
    const json::Tree* items = schema.find("items");
    const Type* element =
        items == nullptr ? nullptr : read(*items, is_embedded_resource(*items), name + ".@idx");
    if (element == nullptr) return nullptr;
    return types_.add(
        {.kind = Kind::List,
         .element = element,
         .list_type = list_type_of(schema),
         .list_keys = list_keys_of(schema),
         .max_elements = limit_at(schema, "maxItems", (kRequestBytes - 2) / (element->min_size + 1)),
         .min_size = 2});
  }

  const Type* map_or_object(const json::Tree& schema, const std::string& name) {
    const json::Tree* values = schema.find("additionalProperties");
    if (values == nullptr || !values->is_object()) return object(schema, false, name);
    const Type* element = read(*values, is_embedded_resource(*values), name + ".@elem");
    if (element == nullptr) return nullptr;
    return types_.add(
        {.kind = Kind::Map,
         .element = element,
         .key = types_.add({.kind = Kind::String, .max_elements = 0, .min_size = 2}),
         .max_elements = limit_at(schema, "maxProperties", (kRequestBytes - 2) / (element->min_size + 6)),
         .min_size = 2});
  }

  const Type* object(const json::Tree& schema, bool is_resource, const std::string& name) {
    Type type{.kind = Kind::Object, .name = name, .max_elements = 0, .min_size = 2};
    const bool adds_fields = is_resource && !describes_resource(schema);
    if (const json::Tree* properties = schema.find("properties"))
      for (const auto& [property, of] : properties->object()) {
        const bool is_given =
            adds_fields && (property == "apiVersion" || property == "kind" || property == "metadata");
        if (!is_given) add_field(type, property, read(of, is_embedded_resource(of), name + "." + property));
        if (!is_given) type.min_size += required_size(schema, property, of, type);
      }
    if (adds_fields) add_resource_fields(type, name);
    std::ranges::sort(type.fields, {}, &TypeField::name);
    return types_.add(std::move(type));
  }

  static void add_field(Type& type, const std::string& property, const Type* of) {
    const auto name = escape_property(property);
    if (of == nullptr || !name) return;
    type.fields.push_back({*name, property, of});
    // Words that the language keeps for itself may stand behind a point all the same, but for these.
    const bool is_never_a_name =
        property == "true" || property == "false" || property == "null" || property == "in";
    if (*name == fmt::format("__{}__", property) && !is_never_a_name)
      type.fields.push_back({property, property, of});
  }

  // What is required and has no default must be written.
  static std::uint64_t required_size(const json::Tree& schema, const std::string& property,
                                     const json::Tree& of, const Type& type) {
    const json::Tree* required = schema.find("required");
    const bool is_required =
        required != nullptr && std::ranges::any_of(required->array(), [&](const json::Tree& one) {
          return one.as_string() == property;
        });
    if (!is_required || of.find("default") != nullptr || type.fields.empty() ||
        type.fields.back().key != property)
      return 0;
    return property.size() + type.fields.back().type->min_size + 4;
  }

  void add_resource_fields(Type& type, const std::string& name) {
    const Type* unlimited =
        types_.add({.kind = Kind::String, .max_elements = kRequestBytes - 2, .min_size = 2});
    Type metadata{.kind = Kind::Object, .name = name + ".metadata", .max_elements = 0, .min_size = 2};
    metadata.fields = {{"generateName", "generateName", unlimited}, {"name", "name", unlimited}};
    type.fields.push_back({"apiVersion", "apiVersion", unlimited});
    type.fields.push_back({"kind", "kind", unlimited});
    type.fields.push_back({"metadata", "metadata", types_.add(std::move(metadata))});
  }

  const Type* text(const json::Tree& schema) {
    const std::string_view format = schema.text_at("format");
    if (format == "byte")
      return types_.add({.kind = Kind::Bytes,
                         .max_elements = limit_at(schema, "maxLength", kRequestBytes - 2),
                         .min_size = 2});
    if (format == "duration") return types_.add({.kind = Kind::Duration, .max_elements = 32, .min_size = 3});
    if (format == "date") return types_.add({.kind = Kind::Timestamp, .max_elements = 12, .min_size = 12});
    if (format == "date-time")
      return types_.add({.kind = Kind::Timestamp, .max_elements = 32, .min_size = 21});
    const json::Tree* words = schema.find("enum");
    const bool has_words = words != nullptr && !words->array().empty();
    const std::uint64_t otherwise = has_words ? longest_word(*words) : kRequestBytes - 2;
    return types_.add({.kind = Kind::String, .max_elements = text_limit(schema, otherwise), .min_size = 2});
  }

  TypeArena& types_;
};

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_embedded_resource(const json::Tree& schema) {
  return is_true(schema, "x-kubernetes-embedded-resource");
}

const Type* type_of_schema(const json::Tree& schema, bool is_resource, const std::string& name,
                           TypeArena& types) {
  return SchemaReader(types).read(schema, is_resource, name);
}

std::optional<std::string> escape_property(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return {};
  if (is_reserved(name)) return fmt::format("__{}__", name);
  std::string escaped;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '_' && name.substr(i).starts_with("__")) {
      escaped += "__underscores__";
      ++i;
    } else if (is_letter_or_digit(c) || c == '_') {
      escaped += c;
    } else if (c == '.') {
      escaped += "__dot__";
    } else if (c == '-') {
      escaped += "__dash__";
    } else if (c == '/') {
      escaped += "__slash__";
    } else {
      return {};
    }
  }
  return escaped;
}

}  // namespace gantry::kube::cel
