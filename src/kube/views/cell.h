// SPDX-License-Identifier: Apache-2.0
//
// The cells of a table's rows. A column's value is a JSON path (json_path.h) or the name of a cell function
// with its arguments, paths or words:
//
//   .spec.replicas
//   @count .data .binaryData
//   @node_address InternalIP
//
// Values of paths become what the column's type says: "date" an age, "string" text. Nothing found is null.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "kube/schema/resource.h"
#include "kube/views/json_path.h"

namespace gantry::kube::views {

struct CellArguments {
  std::vector<JsonPath> paths;
  std::string word;
};

// One cell to be written: exactly one value.
struct Cell {
  const json::Value& object;
  const CellArguments& arguments;
  std::int64_t now;  // seconds since 1970
  json::Writer& writer;

  // What the index-th path leads to; nothing if that is null, too.
  std::optional<json::Value> argument(std::size_t index = 0) const;
  // Text, or `otherwise` if it is empty.
  void write(std::string_view text, std::string_view otherwise = {}) const {
    writer.value(text.empty() ? otherwise : text);
  }
};

using CellFunction = void (*)(const Cell&);

struct NamedCell {
  std::string_view name;  // "pod_ready"
  CellFunction function;
};
using NamedCells = std::span<const NamedCell>;

// Cells stand in files by what they are about.
NamedCells general_cells();
NamedCells pod_cells();
NamedCells node_cells();
NamedCells workload_cells();
NamedCells network_cells();
NamedCells storage_cells();
NamedCells event_cells();
NamedCells policy_cells();  // access, admission, quotas, certificates, flow control, aggregation

// Null if there is none of that name.
CellFunction find_cell_function(std::string_view name);

class CellReader {
 public:
  // A value that is not understood is null in every row: columns of built-in kinds are tested, those of
  // CustomResourceDefinitions are checked when they are made.
  explicit CellReader(const Column& column);

  void write(const json::Value& object, std::int64_t now, json::Writer& writer) const {
    function_({.object = object, .arguments = arguments_, .now = now, .writer = writer});
  }

 private:
  CellFunction function_;
  CellArguments arguments_;
};

// "a,b,c"; at most `limit` of them, then " + 2 more...". 0: all.
std::string joined(const std::vector<std::string>& words, std::size_t limit = 0);

}  // namespace gantry::kube::views
