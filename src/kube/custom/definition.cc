// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/definition.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/split.h"
#include "kube/api/tree_lists.h"
#include "kube/custom/schema_checks.h"
#include "kube/rules/spot.h"
#include "kube/schema/catalog.h"

namespace gantry::kube::custom {
namespace {

using json::Tree;
using rules::Report;
using rules::Spot;

const Tree& nothing() {
  static const Tree kNothing;
  return kNothing;
}

const Tree& at(const Tree& object, std::string_view key) {
  const Tree* const found = object.find(key);
  return found == nullptr ? nothing() : *found;
}

bool flag(const Tree& object, std::string_view key) { return at(object, key).as_bool(); }

// ---- From a definition to resources

std::vector<Column> columns_of(const Tree& version) {
  const json::TreeArray& additional = at(version, "additionalPrinterColumns").array();
  if (additional.empty()) return {};
  std::vector<Column> columns = {
      {.name = "Name", .type = "string", .format = "name", .value = ".metadata.name"}};
  for (const Tree& column : additional)
    columns.push_back({.name = std::string(column.text_at("name")),
                       .type = std::string(column.text_at("type")),
                       .format = std::string(column.text_at("format")),
                       .description = std::string(column.text_at("description")),
                       .priority = static_cast<int>(at(column, "priority").as_int64().value_or(0)),
                       .value = std::string(column.text_at("jsonPath"))});
  return columns;
}

std::vector<std::string> selectable_fields_of(const Tree& version) {
  std::vector<std::string> fields;
  for (const Tree& field : at(version, "selectableFields").array()) {
    std::string_view path = field.text_at("jsonPath");
    if (path.starts_with('.')) path.remove_prefix(1);
    fields.emplace_back(path);
  }
  return fields;
}

constexpr VerbSet kReadAndChange =
    static_cast<VerbSet>(Verb::Get) | static_cast<VerbSet>(Verb::Update) | static_cast<VerbSet>(Verb::Patch);

std::vector<Subresource> subresources_of(const Tree& version, const Resource& parent) {
  std::vector<Subresource> subresources;
  const Tree& said = at(version, "subresources");
  if (said.find("status") != nullptr)
    subresources.push_back(
        {.name = "status", .kind = parent.kind, .type = parent.type, .verbs = kReadAndChange});
  if (said.find("scale") != nullptr)
    subresources.push_back({.name = "scale",
                            .kind = {"autoscaling", "v1", "Scale"},
                            .type = Catalog::built_in().find_type("io.k8s.api.autoscaling.v1.Scale"),
                            .verbs = kReadAndChange});
  return subresources;
}

ScalePaths scale_of(const Tree& version) {
  const Tree& scale = at(at(version, "subresources"), "scale");
  return {std::string(scale.text_at("specReplicasPath")), std::string(scale.text_at("statusReplicasPath")),
          std::string(scale.text_at("labelSelectorPath"))};
}

std::string deprecation_of(const Tree& version, const GroupVersionKind& kind) {
  if (!flag(version, "deprecated")) return {};
  if (const std::string_view warning = version.text_at("deprecationWarning"); !warning.empty())
    return std::string(warning);
  return fmt::format("{} {} is deprecated", kind.api_version(), kind.kind);
}

// What all versions have in common.
Resource common_resource(const Tree& spec) {
  const Tree& names = at(spec, "names");
  const auto& versions = at(spec, "versions").array();
  const auto stored =
      std::ranges::find_if(versions, [](const Tree& version) { return flag(version, "storage"); });
  Resource resource{.plural = std::string(names.text_at("plural")),
                    .singular = std::string(names.text_at("singular")),
                    .list_kind = std::string(names.text_at("listKind")),
                    .short_names = words_of(names, "shortNames"),
                    .categories = words_of(names, "categories"),
                    .is_namespaced = spec.text_at("scope") == "Namespaced"};
  resource.kind = {std::string(spec.text_at("group")), "", std::string(names.text_at("kind"))};
  resource.stored_kind = resource.kind;
  if (stored != versions.end()) resource.stored_kind.version = stored->text_at("name");
  resource.stored_as = fmt::format("{}/{}", resource.kind.group, resource.plural);
  return resource;
}

CustomVersion version_of(const Tree& version, Resource resource) {
  resource.kind.version = version.text_at("name");
  auto schema =
      std::make_unique<const CustomSchema>(at(at(version, "schema"), "openAPIV3Schema"), resource.kind);
  resource.type = &schema->type();
  resource.subresources = subresources_of(version, resource);
  resource.columns = columns_of(version);
  resource.selectable_fields = selectable_fields_of(version);
  resource.scale = scale_of(version);
  resource.deprecation_warning = deprecation_of(version, resource.kind);
  auto validator = std::make_unique<const Validator>(*resource.type);
  return {.resource = std::move(resource),
          .is_served = flag(version, "served"),
          .schema = std::move(schema),
          .validator = std::move(validator)};
}

// ---- What a version may say

constexpr std::string_view kColumnTypes[] = {"boolean", "date", "integer", "number", "string"};
constexpr std::string_view kColumnFormats[] = {"byte",  "date",  "date-time", "double",
                                               "float", "int32", "int64",     "password"};

bool is_simple_path(const Spot& path) {
  if (path.text().starts_with('.')) return true;
  path.invalid("must be a simple json path starting with .");
  return false;
}

void check_column(const Spot& column) {
  if (column["name"].text().empty()) column["name"].required();
  const Spot type = column["type"];
  const std::string types = fmt::format("must be one of {}", fmt::join(kColumnTypes, ","));
  if (type.text().empty())
    type.required(types);
  else if (std::ranges::find(kColumnTypes, type.text()) == std::end(kColumnTypes))
    type.invalid(types);
  const Spot format = column["format"];
  if (!format.text().empty() && std::ranges::find(kColumnFormats, format.text()) == std::end(kColumnFormats))
    format.invalid(fmt::format("must be one of {}", fmt::join(kColumnFormats, ",")));
  if (column["jsonPath"].text().empty())
    column["jsonPath"].required();
  else
    (void)is_simple_path(column["jsonPath"]);
}

void check_scale_path(const Spot& path, std::span<const std::string_view> roots, std::string_view why) {
  if (!is_simple_path(path)) return;
  if (std::ranges::none_of(roots, [&](std::string_view root) { return path.text().starts_with(root); }))
    path.invalid(why);
}

void check_scale(const Spot& scale) {
  constexpr std::string_view kSpec[] = {".spec."};
  constexpr std::string_view kStatus[] = {".status."};
  constexpr std::string_view kEither[] = {".spec.", ".status."};
  const auto check = [&](const char* field, std::span<const std::string_view> roots, std::string_view why) {
    if (scale[field].text().empty())
      scale[field].required();
    else
      check_scale_path(scale[field], roots, why);
  };
  check("specReplicasPath", kSpec, "should be a json path under .spec");
  check("statusReplicasPath", kStatus, "should be a json path under .status");
  if (!scale["labelSelectorPath"].text().empty())
    check_scale_path(scale["labelSelectorPath"], kEither,
                     "should be a json path under either .spec or .status");
}

// The schema of the field at ".spec.color"; null if there is none.
const Tree* schema_at(const Tree& schema, std::string_view path) {
  const Tree* found = &schema;
  for (const std::string_view name : split_words(path, '.'))
    if (found != nullptr) found = found->find("properties", name);
  return found;
}

void check_selectable_field(const Spot& path, const Tree& schema) {
  if (path.text().empty()) return path.required();
  const Tree* const field = schema_at(schema, path.text());
  if (!path.text().starts_with('.') || field == nullptr)
    return path.invalid("is an invalid path: does not refer to a field of the schema");
  if (path.text().starts_with(".metadata")) path.invalid("must not point to fields in metadata");
  const std::string_view type = field->text_at("type");
  if (type != "string" && type != "boolean" && type != "integer")
    path.invalid(
        "must point to a field of type string, boolean or integer. Enum string fields and strings with "
        "formats are "
        "allowed.");
}

void check_selectable_fields(const Spot& fields, const Tree& schema) {
  constexpr std::size_t kMost = 8;
  std::set<std::string_view> seen;
  fields.each([&](const Spot& field) {
    const Spot path = field["jsonPath"];
    check_selectable_field(path, schema);
    if (!seen.insert(path.text()).second) path.duplicate();
  });
  if (seen.size() > kMost) fields.too_many(seen.size(), kMost);
}

void check_version(const Spot& version, Report& report) {
  const Spot schema = version["schema"]["openAPIV3Schema"];
  if (!schema.is_set()) {
    schema.required();
  } else {
    const std::size_t before = report.size();
    check_schema(schema);
    if (report.size() == before) check_defaults(schema);
  }
  if (const Spot scale = version["subresources"]["scale"]; scale.is_set()) check_scale(scale);
  version["additionalPrinterColumns"].each(check_column);
  check_selectable_fields(version["selectableFields"], schema.value());
  const Spot warning = version["deprecationWarning"];
  if (warning.is_set() && !version["deprecated"].flag())
    warning.invalid("can only be set for deprecated versions");
}

}  // namespace

std::vector<CustomVersion> versions_of(const Tree& definition) {
  const Tree& spec = at(definition, "spec");
  const Resource common = common_resource(spec);
  std::vector<CustomVersion> versions;
  for (const Tree& version : at(spec, "versions").array()) versions.push_back(version_of(version, common));
  return versions;
}

std::vector<Cause> check_versions(const Tree& definition) {
  Report report;
  const Spot object(definition, report);
  object["spec"]["versions"].each([&](const Spot& version) { check_version(version, report); });
  return std::move(report).causes();
}

}  // namespace gantry::kube::custom
