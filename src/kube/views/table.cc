// SPDX-License-Identifier: Apache-2.0
#include "kube/views/table.h"

#include "kube/views/partial_object.h"

namespace gantry::kube::views {
namespace {

// Of kinds that say nothing about columns.
const Column kNameAndAge[] = {
    {.name = "Name", .type = "string", .value = ".metadata.name"},
    {.name = "Age", .type = "date", .value = ".metadata.creationTimestamp"},
};

std::span<const Column> columns_of(const Resource& resource) {
  if (resource.columns.empty()) return kNameAndAge;
  return resource.columns;
}

// The column of names is told by its format.
std::string_view format_of(const Column& column) {
  return column.format.empty() && column.value == ".metadata.name" ? "name" : std::string_view(column.format);
}

}  // namespace

Result<IncludeObject> parse_include_object(std::string_view text) {
  if (text.empty() || text == "Metadata") return IncludeObject::Metadata;
  if (text == "None") return IncludeObject::None;
  if (text == "Object") return IncludeObject::Object;
  return error(Code::InvalidArgument, "unrecognized includeObject value: \"{}\"", text);
}

TableWriter::TableWriter(const Resource& resource, IncludeObject include, std::int64_t now)
    : include_(include), now_(now), definitions_(columns_of(resource)) {
  for (const Column& column : definitions_) cells_.emplace_back(column);
}

void TableWriter::begin(const ListMeta& metadata, bool with_columns) {
  writer_.begin_object().key("kind").value("Table").key("apiVersion").value("meta.k8s.io/v1");
  writer_.key("metadata");
  write_list_meta(writer_, metadata);
  writer_.key("columnDefinitions");
  with_columns ? write_columns() : (void)writer_.null();
  writer_.key("rows").begin_array();
}

void TableWriter::write_columns() {
  writer_.begin_array();
  for (const Column& column : definitions_) {
    writer_.begin_object().key("name").value(column.name).key("type").value(column.type);
    writer_.key("format").value(format_of(column)).key("description").value(column.description);
    writer_.key("priority").value(column.priority).end_object();
  }
  writer_.end_array();
}

Result<void> TableWriter::add(std::string_view object) {
  const json::Document document = TRY(json::Document::parse(std::string(object)));
  writer_.begin_object().key("cells").begin_array();
  for (const CellReader& cell : cells_) cell.write(document.root(), now_, writer_);
  writer_.end_array();
  write_object(document.root(), object);
  writer_.end_object();
  return {};
}

void TableWriter::write_object(const json::Value& object, std::string_view text) {
  switch (include_) {
    case IncludeObject::None: return;
    case IncludeObject::Metadata:
      writer_.key("object");
      write_partial_object(writer_, object);
      return;
    case IncludeObject::Object: writer_.key("object").raw(text); return;
  }
}

std::string TableWriter::finish() && {
  writer_.end_array().end_object();
  return std::move(writer_).text();
}

}  // namespace gantry::kube::views
