// SPDX-License-Identifier: Apache-2.0
#include "kube/views/openapi_schema.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/schema/catalog.h"
#include "kube/views/openapi_constraints.h"

namespace gantry::kube::views {
namespace {

constexpr const char* kListMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

// Types that the schema language has words for, and clients know by name.
struct WellKnown {
  Form form;
  const char* name;
  const char* format;
  const char* description;
};
constexpr WellKnown kWellKnown[] = {
    {Form::Time, "io.k8s.apimachinery.pkg.apis.meta.v1.Time", "date-time",
     "A time, to the second, as RFC 3339 writes it."},
    {Form::MicroTime, "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", "date-time",
     "A time, to the microsecond, as RFC 3339 writes it."},
    {Form::Quantity, "io.k8s.apimachinery.pkg.api.resource.Quantity", "",
     "An amount: a number with a suffix, decimal (\"500m\", \"2k\", \"12e6\") or binary (\"64Mi\")."},
    {Form::IntOrString, "io.k8s.apimachinery.pkg.util.intstr.IntOrString", "int-or-string",
     "A number, or a name that stands for one."},
};

const WellKnown* well_known(Form form) {
  const auto* found = std::ranges::find(kWellKnown, form, &WellKnown::form);
  return found == std::end(kWellKnown) ? nullptr : found;
}

// "io.k8s.api.core.v1.Pod": what a definition of that type is called; empty: it stands where it is used.
std::string_view definition_of(const Type& type) {
  const bool is_custom = type.constraints != nullptr;
  if (const WellKnown* known = well_known(type.form); known != nullptr && !is_custom) return known->name;
  const bool has_one = type.form == Form::Struct || type.form == Form::Any;
  return has_one ? std::string_view(type.name) : std::string_view();
}

class SchemaWriter {
 public:
  SchemaWriter(json::Writer& writer, Dialect dialect) : writer_(writer), dialect_(dialect) {}

  // As it is used: a reference where there is a definition.
  void write(const Type& type) {
    if (const std::string_view name = definition_of(type); !name.empty())
      return Definitions::write_reference(writer_, dialect_, name);
    writer_.begin_object();
    write_members(type);
    writer_.end_object();
  }

  // All that is said about it, into an object that was begun.
  void write_members(const Type& type) {
    if (!type.description.empty()) writer_.key("description").value(type.description);
    write_shape(type);
  }

  void write_shape(const Type& type) {
    type.constraints == nullptr ? write_form(type) : write_custom_form(type, *type.constraints);
    if (type.is_nullable && dialect_ == Dialect::V3) writer_.key("nullable").value(true);
    if (type.is_embedded_resource) writer_.key("x-kubernetes-embedded-resource").value(true);
    if (type.preserves_unknown) writer_.key("x-kubernetes-preserve-unknown-fields").value(true);
    if (type.is_atomic) writer_.key("x-kubernetes-map-type").value("atomic");
    write_strings("enum", type.words);
  }

  void write_field(const Field& field) {
    writer_.key(field.name);
    const bool is_reference = !definition_of(*field.type).empty();
    if (is_reference && !has_more_to_say(field)) return write(*field.type);
    writer_.begin_object();
    write_description(field);
    if (!is_reference) {
      write_shape(*field.type);
    } else if (dialect_ == Dialect::V2) {
      writer_.key("$ref").value(fmt::format("#/definitions/{}", definition_of(*field.type)));
    } else {  // in OpenAPI 3 nothing may stand beside a reference
      writer_.key("allOf").begin_array();
      write(*field.type);
      writer_.end_array();
    }
    write_extensions(field);
    writer_.end_object();
  }

 private:
  static bool has_more_to_say(const Field& field) {
    return !field.description.empty() || field.fallback || has_patch_strategy(field);
  }
  static bool has_patch_strategy(const Field& field) {
    return field.retains_keys || field.patch_strategy != PatchStrategy::Replace;
  }

  void write_description(const Field& field) {
    const bool is_inline = definition_of(*field.type).empty();
    const std::string& text =
        field.description.empty() && is_inline ? field.type->description : field.description;
    if (!text.empty()) writer_.key("description").value(text);
  }

  void write_extensions(const Field& field) {
    if (field.fallback) {
      writer_.key("default");
      field.fallback->write_to(writer_);
    }
    if (!field.patch_merge_key.empty())
      writer_.key("x-kubernetes-patch-merge-key").value(field.patch_merge_key);
    if (!has_patch_strategy(field)) return;
    const bool merges = field.patch_strategy == PatchStrategy::Merge;
    writer_.key("x-kubernetes-patch-strategy")
        .value(!field.retains_keys ? "merge"
               : merges            ? "merge,retainKeys"
                                   : "retainKeys");
  }

  void write_strings(std::string_view key, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    writer_.key(key).begin_array();
    for (const std::string& text : texts) writer_.value(text);
    writer_.end_array();
  }

  void write_type(std::string_view type, std::string_view format = {}) {
    writer_.key("type").value(type);
    if (!format.empty()) writer_.key("format").value(format);
  }

  void write_form(const Type& type) {
    switch (type.form) {
      case Form::Any: return write_any(type);
      case Form::Bool: return write_type("boolean");
      case Form::Int32: return write_type("integer", "int32");
      case Form::Int64: return write_type("integer", "int64");
      case Form::Double: return write_type("number", "double");
      case Form::String:
      case Form::Duration: return write_type("string");
      case Form::Bytes: return write_type("string", "byte");
      case Form::Time:
      case Form::MicroTime:
      case Form::Quantity:
      case Form::IntOrString: return write_well_known(*well_known(type.form));
      case Form::Struct: write_type("object"); return write_fields(type);
      case Form::Map: write_type("object"); return write_elements(type);
      case Form::List: write_type("array"); return write_items(type);
    }
  }

  // Of CustomResourceDefinitions: what they say themselves, and what is inside.
  void write_custom_form(const Type& type, const Constraints& constraints) {
    write_constraints(writer_, constraints);
    if (dialect_ == Dialect::V3) write_combinations(writer_, constraints);
    if (type.form == Form::Struct) write_fields(type);
    if (type.form == Form::Map) write_elements(type);
    if (type.form == Form::List) write_items(type);
  }

  // Unions and JSON may be anything; the others are objects.
  void write_any(const Type& type) {
    if (type.name.ends_with("RawExtension") || type.name.ends_with("FieldsV1")) return write_type("object");
    if (type.name.empty() && !type.preserves_unknown)
      writer_.key("x-kubernetes-preserve-unknown-fields").value(true);
  }

  void write_well_known(const WellKnown& known) {
    writer_.key("description").value(known.description);
    const bool is_either = known.form == Form::IntOrString || known.form == Form::Quantity;
    if (dialect_ == Dialect::V2 || !is_either) return write_type("string", known.format);
    const char* const other = known.form == Form::IntOrString ? "integer" : "number";
    writer_.key("oneOf").begin_array();
    for (const char* const type : {"string", other})
      writer_.begin_object().key("type").value(type).end_object();
    writer_.end_array();
    if (known.format[0] != '\0') writer_.key("format").value(known.format);
  }

  void write_elements(const Type& map) {
    writer_.key("additionalProperties");
    write(*map.element);
  }

  void write_items(const Type& type) {
    writer_.key("items");
    write(*type.element);
    const char* const kind = type.list_kind == ListKind::Map   ? "map"
                             : type.list_kind == ListKind::Set ? "set"
                                                               : "atomic";
    writer_.key("x-kubernetes-list-type").value(kind);
    write_strings("x-kubernetes-list-map-keys", type.list_keys);
  }

  void write_fields(const Type& type) {
    std::vector<std::string> required;
    for (const Field& field : type.fields)
      if (field.is_required) required.push_back(field.name);
    write_strings("required", required);
    if (type.fields.empty()) return;
    writer_.key("properties").begin_object();
    for (const Field& field : type.fields) write_field(field);
    writer_.end_object();
  }

  json::Writer& writer_;
  Dialect dialect_;
};

void write_kinds(json::Writer& writer, const std::vector<GroupVersionKind>& kinds) {
  if (kinds.empty()) return;
  writer.key("x-kubernetes-group-version-kind").begin_array();
  for (const GroupVersionKind& kind : kinds) {
    writer.begin_object().key("group").value(kind.group).key("kind").value(kind.kind);
    writer.key("version").value(kind.version).end_object();
  }
  writer.end_array();
}

void write_text_property(json::Writer& writer, std::string_view name, std::string_view description) {
  writer.key(name).begin_object().key("description").value(description);
  writer.key("type").value("string").end_object();
}

void write_list_members(json::Writer& writer, Dialect dialect, std::string_view item) {
  writer.key("type").value("object").key("required").begin_array().value("items").end_array();
  writer.key("properties").begin_object();
  write_text_property(writer, "apiVersion", "The group and version that the list and its items are in.");
  writer.key("items").begin_object().key("type").value("array").key("items");
  Definitions::write_reference(writer, dialect, item);
  writer.end_object();
  write_text_property(writer, "kind", "What this is a list of.");
  writer.key("metadata");
  Definitions::write_reference(writer, dialect, kListMeta);
  writer.end_object();
}

}  // namespace

Definitions::Definitions(std::span<const Resource* const> resources) {
  for (const Resource* resource : resources) {
    add(name_of(resource->type), resource->type, resource->kind);
    if (has(resource->verbs, Verb::List)) add_list(*resource);
    for (const Subresource& subresource : resource->subresources)
      if (subresource.type != nullptr && subresource.type != resource->type)
        add(name_of(subresource.type), subresource.type, subresource.kind);
  }
  for (const char* const name : {kStatusDefinition, kDeleteOptionsDefinition, kListMeta})
    if (const Type* type = Catalog::built_in().find_type(name)) add_reachable(*type);
}

std::string Definitions::name_of(const Type* type) { return type == nullptr ? std::string() : type->name; }

std::string Definitions::name_of_list(const Resource& resource) { return name_of(resource.type) + "List"; }

void Definitions::write_reference(json::Writer& writer, Dialect dialect, std::string_view name) {
  writer.begin_object().key("$ref");
  writer.value(fmt::format("#/{}/{}", dialect == Dialect::V2 ? "definitions" : "components/schemas", name));
  writer.end_object();
}

void Definitions::add(const std::string& name, const Type* type, const GroupVersionKind& kind) {
  Definition& definition = definitions_[name];
  if (std::ranges::find(definition.kinds, kind) == definition.kinds.end()) definition.kinds.push_back(kind);
  if (definition.type != nullptr) return;
  definition.type = type;
  add_all_in(*type);
}

void Definitions::add_list(const Resource& resource) {
  Definition& definition = definitions_[name_of_list(resource)];
  definition.item = name_of(resource.type);
  definition.kinds = {{resource.kind.group, resource.kind.version, resource.list_kind}};
}

void Definitions::add_all_in(const Type& type) {
  if (type.element != nullptr) add_reachable(*type.element);
  for (const Field& field : type.fields) add_reachable(*field.type);
}

void Definitions::add_reachable(const Type& type) {
  const std::string_view name = definition_of(type);
  if (name.empty()) return add_all_in(type);
  Definition& definition = definitions_[std::string(name)];
  if (definition.type != nullptr) return;
  definition.type = &type;
  add_all_in(type);
}

void Definitions::write(json::Writer& writer, Dialect dialect) const {
  for (const auto& [name, definition] : definitions_) {
    writer.key(name).begin_object();
    if (definition.type == nullptr)
      write_list_members(writer, dialect, definition.item);
    else
      SchemaWriter(writer, dialect).write_members(*definition.type);
    write_kinds(writer, definition.kinds);
    writer.end_object();
  }
}

}  // namespace gantry::kube::views
