// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/custom_schema.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/split.h"
#include "kube/api/tree_lists.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

using json::Tree;

bool flag(const Tree& schema, std::string_view key) {
  const Tree* const value = schema.find(key);
  return value != nullptr && value->as_bool();
}

std::optional<double> number(const Tree& schema, std::string_view key) {
  const Tree* const value = schema.find(key);
  return value != nullptr && value->kind() == json::Kind::Number ? std::optional(value->as_double())
                                                                 : std::nullopt;
}

std::optional<std::int64_t> integer(const Tree& schema, std::string_view key) {
  const Tree* const value = schema.find(key);
  return value == nullptr ? std::nullopt : value->as_int64();
}

std::vector<ValidationRule> rules_of(const Tree& schema) {
  std::vector<ValidationRule> rules;
  const Tree* const list = schema.find("x-kubernetes-validations");
  if (list == nullptr) return rules;
  for (const Tree& rule : list->array()) {
    const Tree* const optional = rule.find("optionalOldSelf");
    rules.push_back(
        {.rule = std::string(rule.text_at("rule")),
         .message = std::string(rule.text_at("message")),
         .message_expression = std::string(rule.text_at("messageExpression")),
         .reason = std::string(rule.text_at("reason")),
         .field_path = std::string(rule.text_at("fieldPath")),
         .optional_old_self = optional == nullptr ? std::nullopt : std::optional(optional->as_bool())});
  }
  return rules;
}

Constraints nested(const Tree& schema);

std::vector<Constraints> list_of_nested(const Tree& schema, std::string_view key) {
  std::vector<Constraints> list;
  if (const Tree* const schemas = schema.find(key))
    for (const Tree& each : schemas->array()) list.push_back(nested(each));
  return list;
}

std::unique_ptr<const Constraints> one_nested(const Tree& schema, std::string_view key) {
  const Tree* const found = schema.find(key);
  if (found == nullptr || !found->is_object()) return nullptr;
  return std::make_unique<const Constraints>(nested(*found));
}

// What a schema says of its own value, not of what is inside.
Constraints own_constraints(const Tree& schema) {
  Constraints made{
      .type = std::string(schema.text_at("type")),
      .is_int_or_string = flag(schema, "x-kubernetes-int-or-string"),
      .is_nullable = flag(schema, "nullable"),
      .format = std::string(schema.text_at("format")),
      .minimum = number(schema, "minimum"),
      .maximum = number(schema, "maximum"),
      .excludes_minimum = flag(schema, "exclusiveMinimum"),
      .excludes_maximum = flag(schema, "exclusiveMaximum"),
      .multiple_of = number(schema, "multipleOf"),
      .min_length = integer(schema, "minLength"),
      .max_length = integer(schema, "maxLength"),
      .pattern = std::string(schema.text_at("pattern")),
      .min_items = integer(schema, "minItems"),
      .max_items = integer(schema, "maxItems"),
      .min_properties = integer(schema, "minProperties"),
      .max_properties = integer(schema, "maxProperties"),
      .required = words_of(schema.find("required")),
      .all_of = list_of_nested(schema, "allOf"),
      .any_of = list_of_nested(schema, "anyOf"),
      .one_of = list_of_nested(schema, "oneOf"),
      .none_of = one_nested(schema, "not"),
      .rules = rules_of(schema),
  };
  if (const Tree* const allowed = schema.find("enum")) made.allowed = allowed->array();
  return made;
}

Constraints nested(const Tree& schema) {
  Constraints made = own_constraints(schema);
  if (const Tree* const properties = schema.find("properties"))
    for (const auto& [name, property] : properties->object())
      made.properties.push_back({name, nested(property)});
  made.items = one_nested(schema, "items");
  made.additional_properties = one_nested(schema, "additionalProperties");
  return made;
}

// "stable.example.com", "v1", "CronTab": "com.example.stable.v1.CronTab".
std::string full_name(const GroupVersionKind& kind) {
  std::string name;
  for (const std::string_view part : split(kind.group, '.')) name = fmt::format("{}.{}", part, name);
  return fmt::format("{}{}.{}", name, kind.version, kind.kind);
}

}  // namespace

class CustomSchemaBuilder {
 public:
  explicit CustomSchemaBuilder(CustomSchema& schema) : schema_(schema) {}

  const Type* root(const Tree& openapi, const GroupVersionKind& kind) {
    Type& root = add(openapi, Whole::Yes);
    root.form = Form::Struct;
    root.name = full_name(kind);
    root.preserves_unknown =
        flag(openapi, "x-kubernetes-preserve-unknown-fields") || openapi.object().empty();
    add_properties(openapi, root);
    be_an_object(root);
    return &root;
  }

 private:
  // Whether it is an object as the API has them, with metadata and all.
  enum class Whole : bool { No, Yes };

  const Type* value(const Tree& schema) {
    const bool is_embedded = flag(schema, "x-kubernetes-embedded-resource");
    Type& type = add(schema, is_embedded ? Whole::Yes : Whole::No);
    const std::string_view word = schema.text_at("type");
    const Tree* const additional = schema.find("additionalProperties");
    const bool preserves = flag(schema, "x-kubernetes-preserve-unknown-fields");
    if (flag(schema, "x-kubernetes-int-or-string")) {
      type.form = Form::IntOrString;
    } else if (word == "array") {
      be_a_list(schema, type);
    } else if (word == "object" && additional != nullptr) {
      type.form = Form::Map;
      type.element = value(*additional);  // `true` says nothing, and so allows anything
      type.has_defaults = type.element->has_defaults;
    } else if (word == "object" || (word.empty() && schema.find("properties") != nullptr)) {
      type.form = Form::Struct;
      type.preserves_unknown = preserves;
      add_properties(schema, type);
      if (is_embedded) {
        type.is_embedded_resource = true;
        be_an_object(type);
      }
    } else {
      type.form = scalar(word, schema.text_at("format"));
    }
    return &type;
  }

  static Form scalar(std::string_view word, std::string_view format) {
    if (word == "string") return Form::String;
    if (word == "boolean") return Form::Bool;
    if (word == "number") return Form::Double;
    if (word == "integer") return format == "int32" ? Form::Int32 : Form::Int64;
    return Form::Any;
  }

  Type& add(const Tree& schema, Whole whole) {
    Constraints& constraints = schema_.constraints_.emplace_back(own_constraints(schema));
    const Tree* const metadata = schema.find("properties", "metadata");
    if (whole == Whole::Yes && metadata != nullptr)
      constraints.properties.push_back({"metadata", nested(*metadata)});
    return schema_.types_.emplace_back(Type{.description = std::string(schema.text_at("description")),
                                            .is_atomic = schema.text_at("x-kubernetes-map-type") == "atomic",
                                            .is_nullable = flag(schema, "nullable"),
                                            .constraints = &constraints});
  }

  void be_a_list(const Tree& schema, Type& type) {
    const Tree* const items = schema.find("items");
    const std::string_view kind = schema.text_at("x-kubernetes-list-type");
    type.form = Form::List;
    type.list_kind = kind == "set" ? ListKind::Set : kind == "map" ? ListKind::Map : ListKind::Atomic;
    type.list_keys = words_of(schema.find("x-kubernetes-list-map-keys"));
    type.element = value(items == nullptr ? Tree() : *items);
    type.has_defaults = type.element->has_defaults;
  }

  void add_properties(const Tree& schema, Type& type) {
    const Tree* const properties = schema.find("properties");
    if (properties == nullptr) return;
    const std::set<std::string_view> required(type.constraints->required.begin(),
                                              type.constraints->required.end());
    for (const auto& [name, property] : properties->object()) {
      Field field{.name = name,
                  .type = value(property),
                  .is_required = required.contains(name),
                  .keeps_zero = true,
                  .description = std::string(property.text_at("description"))};
      if (const Tree* const fallback = property.find("default")) field.fallback = *fallback;
      type.has_defaults |= field.fallback || field.type->has_defaults;
      type.fields.push_back(std::move(field));  // in order, since an object's members are
    }
  }

  // It has what every object has, whatever its schema says: that may only narrow it.
  static void be_an_object(Type& type) {
    const Type* const meta = Catalog::built_in().find_type("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    const Type* const text = meta->find("name")->type;
    set_field(type, "apiVersion", text);
    set_field(type, "kind", text);
    set_field(type, "metadata", meta);
  }

  static void set_field(Type& type, std::string_view name, const Type* of) {
    const auto at = std::ranges::lower_bound(type.fields, name, {}, &Field::name);
    if (at != type.fields.end() && at->name == name) {
      at->type = of;
      at->fallback.reset();
    } else {
      type.fields.insert(at, {.name = std::string(name), .type = of});
    }
  }

  CustomSchema& schema_;
};

CustomSchema::CustomSchema(const Tree& openapi, const GroupVersionKind& kind) {
  root_ = CustomSchemaBuilder(*this).root(openapi, kind);
}

}  // namespace gantry::kube
