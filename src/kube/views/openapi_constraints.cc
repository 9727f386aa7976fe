// SPDX-License-Identifier: Apache-2.0
#include "kube/views/openapi_constraints.h"

namespace gantry::kube::views {
namespace {

template <class T>
void write_if(json::Writer& writer, const char* key, const std::optional<T>& value) {
  if (value) writer.key(key).value(*value);
}
void write_if(json::Writer& writer, const char* key, const std::string& text) {
  if (!text.empty()) writer.key(key).value(text);
}
void write_if(json::Writer& writer, const char* key, bool is_set) {
  if (is_set) writer.key(key).value(true);
}

void write_rule(json::Writer& writer, const ValidationRule& rule) {
  writer.begin_object().key("rule").value(rule.rule);
  write_if(writer, "message", rule.message);
  write_if(writer, "messageExpression", rule.message_expression);
  write_if(writer, "reason", rule.reason);
  write_if(writer, "fieldPath", rule.field_path);
  write_if(writer, "optionalOldSelf", rule.optional_old_self);
  writer.end_object();
}

// A schema that stands inside of one of the four: it has no Type.
void write_whole(json::Writer& writer, const Constraints& constraints) {
  writer.begin_object();
  write_constraints(writer, constraints);
  write_combinations(writer, constraints);
  if (!constraints.required.empty()) {
    writer.key("required").begin_array();
    for (const std::string& name : constraints.required) writer.value(name);
    writer.end_array();
  }
  if (!constraints.properties.empty()) {
    writer.key("properties").begin_object();
    for (const auto& [name, inner] : constraints.properties) {
      writer.key(name);
      write_whole(writer, inner);
    }
    writer.end_object();
  }
  if (constraints.items != nullptr) {
    writer.key("items");
    write_whole(writer, *constraints.items);
  }
  if (constraints.additional_properties != nullptr) {
    writer.key("additionalProperties");
    write_whole(writer, *constraints.additional_properties);
  }
  writer.end_object();
}

void write_all(json::Writer& writer, const char* key, const std::vector<Constraints>& all) {
  if (all.empty()) return;
  writer.key(key).begin_array();
  for (const Constraints& constraints : all) write_whole(writer, constraints);
  writer.end_array();
}

}  // namespace

void write_constraints(json::Writer& writer, const Constraints& constraints) {
  write_if(writer, "type", constraints.type);
  write_if(writer, "format", constraints.format);
  write_if(writer, "x-kubernetes-int-or-string", constraints.is_int_or_string);
  write_if(writer, "minimum", constraints.minimum);
  write_if(writer, "maximum", constraints.maximum);
  write_if(writer, "exclusiveMinimum", constraints.excludes_minimum);
  write_if(writer, "exclusiveMaximum", constraints.excludes_maximum);
  write_if(writer, "multipleOf", constraints.multiple_of);
  write_if(writer, "minLength", constraints.min_length);
  write_if(writer, "maxLength", constraints.max_length);
  write_if(writer, "pattern", constraints.pattern);
  write_if(writer, "minItems", constraints.min_items);
  write_if(writer, "maxItems", constraints.max_items);
  write_if(writer, "minProperties", constraints.min_properties);
  write_if(writer, "maxProperties", constraints.max_properties);
  if (constraints.allowed) {
    writer.key("enum").begin_array();
    for (const json::Tree& value : *constraints.allowed) value.write_to(writer);
    writer.end_array();
  }
  if (constraints.rules.empty()) return;
  writer.key("x-kubernetes-validations").begin_array();
  for (const ValidationRule& rule : constraints.rules) write_rule(writer, rule);
  writer.end_array();
}

void write_combinations(json::Writer& writer, const Constraints& constraints) {
  write_all(writer, "allOf", constraints.all_of);
  write_all(writer, "anyOf", constraints.any_of);
  write_all(writer, "oneOf", constraints.one_of);
  if (constraints.none_of == nullptr) return;
  writer.key("not");
  write_whole(writer, *constraints.none_of);
}

}  // namespace gantry::kube::views
