// SPDX-License-Identifier: Apache-2.0
//
// Lists as `kubectl get` shows them: a meta/v1 Table with a row for each object
// (https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables), made from the
// objects' JSON one by one. One object is a table of one row. Columns are those of the resource (cell.h).
//
//   TableWriter table(resource, IncludeObject::Metadata, now);
//   table.begin({.resource_version = "42"});
//   for (...) TRY(table.add(text));
//   std::string body = std::move(table).finish();
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "kube/api/list_meta.h"
#include "kube/schema/resource.h"
#include "kube/views/cell.h"

namespace gantry::kube::views {

// The parameter includeObject: what stands in a row beside its cells.
enum class IncludeObject : std::uint8_t { None, Metadata, Object };
// Empty text is Metadata. InvalidArgument for what is none of them.
Result<IncludeObject> parse_include_object(std::string_view text);

class TableWriter {
 public:
  // `now`: seconds since 1970, what ages are counted to. The resource lives longer.
  TableWriter(const Resource& resource, IncludeObject include, std::int64_t now);

  // First, and once. Watches leave the columns out of all events but the first.
  void begin(const ListMeta& metadata, bool with_columns = true);
  // InvalidArgument if the text is no JSON.
  Result<void> add(std::string_view object);
  std::string finish() &&;

 private:
  void write_columns();
  void write_object(const json::Value& object, std::string_view text);

  IncludeObject include_;
  std::int64_t now_;
  std::span<const Column> definitions_;
  std::vector<CellReader> cells_;
  json::Writer writer_;
};

}  // namespace gantry::kube::views
