// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/schema_checks.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "kube/cel/pattern.h"

namespace gantry::kube::custom {
namespace {

using json::Kind;
using json::Tree;
using rules::Spot;

constexpr std::string_view kTypes[] = {"array", "boolean", "integer", "number", "object", "string"};
constexpr std::string_view kListTypes[] = {"atomic", "set", "map"};
constexpr std::string_view kMapTypes[] = {"atomic", "granular"};
constexpr std::string_view kReasons[] = {"FieldValueRequired", "FieldValueForbidden", "FieldValueInvalid",
                                         "FieldValueDuplicate"};

// Where a schema stands: at the top, as an array's items, or as a field.
enum class Level : std::uint8_t { Root, Item, Field };

bool flag(const Spot& schema, std::string_view key) { return schema[key].flag(); }

// ---- One schema

void check_unsupported(const Spot& schema) {
  struct Word {
    std::string_view key;
    std::string_view why;
  };
  constexpr Word kUnsupported[] = {
      {"id", "id is not supported"},
      {"additionalItems", "additionalItems is not supported"},
      {"patternProperties", "patternProperties is not supported"},
      {"definitions", "definitions is not supported"},
      {"dependencies", "dependencies is not supported"},
      {"$ref", "$ref is not supported"},
  };
  for (const auto& [key, why] : kUnsupported)
    if (schema[key].is_set()) schema[key].forbidden(why);
  if (flag(schema, "uniqueItems"))
    schema["uniqueItems"].forbidden(
        "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
  if (schema["items"].value().is_array())
    schema["items"].forbidden("items must be a schema object and not an array");
}

void check_pattern(const Spot& schema) {
  const Spot pattern = schema["pattern"];
  if (pattern.text().empty()) return;
  if (const auto compiled = cel::Pattern::compile(pattern.text()); !compiled)
    pattern.invalid(
        fmt::format("must be a valid regular expression, but isn't: {}", compiled.error().message()));
}

void check_type(const Spot& schema, Level level) {
  const Spot type = schema["type"];
  const bool is_embedded = flag(schema, "x-kubernetes-embedded-resource");
  if (is_embedded && type.text() != "object") {
    constexpr std::string_view kWhy = "must be object if x-kubernetes-embedded-resource is true";
    return type.text().empty() ? type.required(kWhy) : type.invalid(kWhy);
  }
  if (type.text().empty()) {
    if (flag(schema, "x-kubernetes-int-or-string") || flag(schema, "x-kubernetes-preserve-unknown-fields"))
      return;
    return type.required(level == Level::Root   ? "must not be empty at the root"
                         : level == Level::Item ? "must not be empty for specified array items"
                                                : "must not be empty for specified object fields");
  }
  if (type.text() == "null")
    return type.forbidden("type cannot be set to null, use nullable as an alternative");
  if (std::ranges::find(kTypes, type.text()) == std::end(kTypes)) return type.not_supported(kTypes);
  if (level == Level::Root && type.text() != "object") type.invalid("must be object at the root");
}

void check_extensions(const Spot& schema) {
  const Spot preserves = schema["x-kubernetes-preserve-unknown-fields"];
  const Spot embedded = schema["x-kubernetes-embedded-resource"];
  if (preserves.is_set() && !preserves.flag()) preserves.invalid("must be true or undefined");
  if (flag(schema, "x-kubernetes-int-or-string")) {
    if (preserves.flag()) preserves.invalid("must be false if x-kubernetes-int-or-string is true");
    if (embedded.flag()) embedded.invalid("must be false if x-kubernetes-int-or-string is true");
  }
  if (embedded.flag()) {
    if (schema["additionalProperties"].is_set())
      schema["additionalProperties"].forbidden("must not be used if x-kubernetes-embedded-resource is set");
    if (!preserves.flag() && schema["properties"].size() == 0)
      schema["properties"].required(
          "must not be empty if x-kubernetes-embedded-resource is true without "
          "x-kubernetes-preserve-unknown-fields");
  }
}

void check_map_type(const Spot& schema) {
  const Spot map_type = schema["x-kubernetes-map-type"];
  if (!map_type.is_set()) return;
  const Spot type = schema["type"];
  constexpr std::string_view kWhy = "must be object if x-kubernetes-map-type is specified";
  if (type.text().empty())
    type.required(kWhy);
  else if (type.text() != "object")
    type.invalid(kWhy);
  if (std::ranges::find(kMapTypes, map_type.text()) == std::end(kMapTypes)) map_type.not_supported(kMapTypes);
}

// ---- Lists

std::set<std::string_view> required_of(const Spot& schema) {
  std::set<std::string_view> names;
  for (const Tree& name : schema["required"].value().array()) names.insert(name.as_string());
  return names;
}

void check_list_key(const Spot& schema, std::string_view key, bool is_required) {
  const Spot items = schema["items"];
  const Spot property = items["properties"].key(key);
  if (!property.is_set())
    return schema["x-kubernetes-list-map-keys"].invalid("entries must all be names of item properties");
  if (const std::string_view type = property["type"].text(); type == "array" || type == "object")
    property["type"].invalid("must be a scalar type if parent array's x-kubernetes-list-type is map");
  if (!is_required && !property["default"].is_set())
    property["default"].required(
        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required "
        "property");
  if (flag(property, "nullable"))
    property["nullable"].forbidden(
        "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
}

void check_map_list(const Spot& schema) {
  const Spot keys = schema["x-kubernetes-list-map-keys"];
  const Spot items = schema["items"];
  if (keys.size() == 0) keys.required("must not be empty if x-kubernetes-list-type is map");
  if (!items.is_set()) return items.required("must have a schema if x-kubernetes-list-type is map");
  if (items["type"].text() != "object")
    return items["type"].invalid("must be object if parent array's x-kubernetes-list-type is map");
  const std::set<std::string_view> required = required_of(items);
  std::set<std::string_view> seen;
  keys.each([&](const Spot& key) {
    check_list_key(schema, key.text(), required.contains(key.text()));
    if (!seen.insert(key.text()).second) keys.invalid("must not contain duplicate entries");
  });
}

void check_set(const Spot& schema) {
  const Spot items = schema["items"];
  constexpr std::string_view kWhy = "must be atomic as item of a list with x-kubernetes-list-type=set";
  const Spot list_type = items["x-kubernetes-list-type"];
  if (items["type"].text() == "array" && list_type.is_set() && list_type.text() != "atomic")
    list_type.invalid(kWhy);
  const Spot map_type = items["x-kubernetes-map-type"];
  if (items["type"].text() == "object" && map_type.text() != "atomic") map_type.invalid(kWhy);
}

void check_list_type(const Spot& schema) {
  const Spot list_type = schema["x-kubernetes-list-type"];
  const std::string_view kind = list_type.text();
  if (schema["x-kubernetes-list-map-keys"].size() != 0 && kind != "map") {
    constexpr std::string_view kWhy = "must be map if x-kubernetes-list-map-keys is non-empty";
    kind.empty() ? list_type.required(kWhy) : list_type.invalid(kWhy);
  }
  if (!list_type.is_set()) return;
  if (std::ranges::find(kListTypes, kind) == std::end(kListTypes)) return list_type.not_supported(kListTypes);
  const Spot type = schema["type"];
  if (type.text() != "array") {
    constexpr std::string_view kWhy = "must be array if x-kubernetes-list-type is specified";
    return type.text().empty() ? type.required(kWhy) : type.invalid(kWhy);
  }
  if (kind == "map") check_map_list(schema);
  if (kind == "set") check_set(schema);
  if (kind != "atomic" && flag(schema["items"], "nullable"))
    schema["items"]["nullable"].forbidden(
        fmt::format("cannot be nullable when x-kubernetes-list-type is {}", kind));
}

// ---- Rules, as far as they are not CEL

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }
bool has_line_breaks(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

void check_rule(const Spot& rule) {
  const Spot text = rule["rule"];
  const Spot message = rule["message"];
  if (is_blank(text.text()))
    text.required("rule is not specified");
  else if (message.is_set() && !message.text().empty() && is_blank(message.text()))
    message.invalid("must be non-empty if specified");
  else if (has_line_breaks(message.text()))
    message.invalid("must not contain line breaks");
  else if (has_line_breaks(text.text()) && message.text().empty())
    message.required("message must be specified if rule contains line breaks");
  const Spot expression = rule["messageExpression"];
  if (!expression.text().empty() && is_blank(expression.text()))
    expression.required("messageExpression must be non-empty if specified");
  const Spot reason = rule["reason"];
  if (reason.is_set() && std::ranges::find(kReasons, reason.text()) == std::end(kReasons))
    reason.not_supported(kReasons);
  const Spot path = rule["fieldPath"];
  if (!path.text().empty() && is_blank(path.text())) path.invalid("must be non-empty if specified");
  if (has_line_breaks(path.text())) path.invalid("must not contain line breaks");
}

// ---- Junctions: they may ask things of values, but not say what is there

const Tree& int_or_string_alternatives() {
  static const Tree kAlternatives = [] {
    json::TreeArray alternatives;
    for (const char* type : {"integer", "string"}) {
      json::TreeObject schema;
      schema["type"] = type;
      alternatives.emplace_back(std::move(schema));
    }
    return Tree(std::move(alternatives));
  }();
  return kAlternatives;
}

// The one place where an alternative may name a type, since tools write it: x-kubernetes-int-or-string
// spelled out.
bool spells_int_or_string(const Spot& schema) {
  return schema["anyOf"].is_set() && schema["anyOf"].value() == int_or_string_alternatives();
}

void check_nested(const Spot& schema, Level level);

void check_junctions(const Spot& schema, Level level) {
  if (!spells_int_or_string(schema))
    schema["anyOf"].each([&](const Spot& each) { check_nested(each, level); });
  schema["allOf"].each([&](const Spot& each) { check_nested(each, level); });
  schema["oneOf"].each([&](const Spot& each) { check_nested(each, level); });
  if (schema["not"].is_set()) check_nested(schema["not"], level);
  check_pattern(schema);
}

void check_nested(const Spot& schema, Level level) {
  struct Word {
    std::string_view key;
    std::string_view why;
  };
  constexpr Word kForbidden[] = {
      {"type", "must be empty to be structural"},
      {"additionalProperties", "must be undefined to be structural"},
      {"default", "must be undefined to be structural"},
      {"title", "must be empty to be structural"},
      {"description", "must be empty to be structural"},
      {"nullable", "must be false to be structural"},
      {"x-kubernetes-preserve-unknown-fields", "must be false to be structural"},
      {"x-kubernetes-embedded-resource", "must be false to be structural"},
      {"x-kubernetes-int-or-string", "must be false to be structural"},
      {"x-kubernetes-list-map-keys", "must be empty to be structural"},
      {"x-kubernetes-list-type", "must be undefined to be structural"},
      {"x-kubernetes-map-type", "must be undefined to be structural"},
      {"x-kubernetes-validations", "must be empty to be structural"},
  };
  check_unsupported(schema);
  check_junctions(schema, level);
  for (const auto& [key, why] : kForbidden) {
    const Spot word = schema[key];
    const bool says_nothing = word.value().kind() == Kind::Bool && !word.flag() && key != "default" &&
                              key != "additionalProperties";
    if (word.is_set() && !says_nothing) word.forbidden(why);
  }
  if (schema["items"].is_set()) check_nested(schema["items"], Level::Item);
  schema["properties"].each_member([&](std::string_view name, const Spot& property) {
    check_nested(property, Level::Field);
    if (name == "metadata") property.forbidden("must not be specified in a nested context");
  });
}

// Whatever a junction asks of a field, the schema around it has to say what that field is.
void check_complete(const Spot& structure, const Spot& nested);

void check_junctions_complete(const Spot& structure, const Spot& schema) {
  for (const char* junction : {"allOf", "anyOf", "oneOf"})
    schema[junction].each([&](const Spot& each) { check_complete(structure, each); });
  if (schema["not"].is_set()) check_complete(structure, schema["not"]);
}

void check_complete(const Spot& structure, const Spot& nested) {
  if (!structure.is_set())
    return structure.required(fmt::format("because it is defined in {}", nested.path()));
  check_junctions_complete(structure, nested);
  if (nested["items"].is_set()) check_complete(structure["items"], nested["items"]);
  nested["properties"].each_member([&](std::string_view name, const Spot& property) {
    check_complete(structure["properties"].key(name), property);
  });
}

// ---- Schemas in schemas

void check_node(const Spot& schema, Level level);

// Metadata is what it is for every object; a schema may narrow its names.
void check_root_metadata(const Spot& metadata) {
  if (metadata["type"].is_set() && metadata["type"].text() != "object")
    metadata["type"].invalid("must be object");
  bool is_more = false;
  for (const auto& [key, value] : metadata.value().object()) is_more |= key != "type" && key != "properties";
  for (const auto& [name, value] : metadata["properties"].value().object())
    is_more |= name != "name" && name != "generateName";
  if (is_more)
    metadata.forbidden(
        "must not specify anything other than name and generateName, but metadata is implicitly specified");
}

void check_properties(const Spot& schema, Level level) {
  const bool is_object = level == Level::Root || flag(schema, "x-kubernetes-embedded-resource");
  schema["properties"].each_member([&](std::string_view name, const Spot& property) {
    if (is_object && (name == "kind" || name == "apiVersion") && property["type"].text() != "string")
      property["type"].invalid("must be string");
    if (level == Level::Root && property["default"].is_set() &&
        (name == "kind" || name == "apiVersion" || name == "metadata"))
      property["default"].forbidden(fmt::format("must not be set in top-level {}", name));
    if (level == Level::Root && name == "metadata") return check_root_metadata(property);
    check_node(property, Level::Field);
  });
}

void check_additional_properties(const Spot& schema, Level level) {
  const Spot additional = schema["additionalProperties"];
  if (!additional.is_set()) return;
  if (level == Level::Root) additional.forbidden("must not be used at the root");
  if (schema["properties"].size() != 0 && !additional.flag())
    additional.forbidden("additionalProperties and properties are mutual exclusive");
  if (additional.value().is_object()) check_node(additional, Level::Field);
}

void check_node(const Spot& schema, Level level) {
  check_unsupported(schema);
  check_type(schema, level);
  check_extensions(schema);
  check_map_type(schema);
  check_list_type(schema);
  check_junctions(schema, level);
  check_junctions_complete(schema, schema);
  schema["x-kubernetes-validations"].each(check_rule);
  check_properties(schema, level);
  check_additional_properties(schema, level);
  if (schema["items"].is_set())
    check_node(schema["items"], Level::Item);
  else if (schema["type"].text() == "array")
    schema["items"].required("must be specified");
}

}  // namespace

void check_schema(const Spot& schema) {
  if (flag(schema, "nullable")) schema["nullable"].forbidden("nullable cannot be true at the root");
  if (schema["default"].is_set()) schema["default"].forbidden("must not be set");
  check_node(schema, Level::Root);
}

}  // namespace gantry::kube::custom
