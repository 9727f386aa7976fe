// SPDX-License-Identifier: Apache-2.0
#include "kube/views/cell.h"

#include <fmt/format.h>

#include "base/split.h"
#include "kube/views/age.h"

namespace gantry::kube::views {
namespace {

void write_nothing(const Cell& cell) { cell.writer.null(); }

// Kinds of values of a path, by the column's type. What is of another kind than it should be is null, as in
// Kubernetes.
void write_any(const Cell& cell) {
  const auto value = cell.argument();
  value ? cell.writer.value(*value) : cell.writer.null();
}

void write_string(const Cell& cell) {
  const auto value = cell.argument();
  value ? cell.writer.value(plain_text(*value)) : cell.writer.null();
}

void write_date(const Cell& cell) {
  const auto value = cell.argument();
  value ? cell.writer.value(age_since(value->as_string(), cell.now)) : cell.writer.null();
}

void write_integer(const Cell& cell) {
  const auto value = cell.argument();
  if (!value || value->kind() != json::Kind::Number) return write_nothing(cell);
  const auto number = value->as_int64();
  number ? cell.writer.value(*number) : cell.writer.value(static_cast<std::int64_t>(value->as_double()));
}

void write_number(const Cell& cell) {
  const auto value = cell.argument();
  value && value->kind() == json::Kind::Number ? cell.writer.value(*value) : cell.writer.null();
}

void write_boolean(const Cell& cell) {
  const auto value = cell.argument();
  value && value->kind() == json::Kind::Bool ? cell.writer.value(*value) : cell.writer.null();
}

CellFunction function_of_type(std::string_view type) {
  if (type == "string") return write_string;
  if (type == "date") return write_date;
  if (type == "integer") return write_integer;
  if (type == "number") return write_number;
  if (type == "boolean") return write_boolean;
  return write_any;
}

}  // namespace

std::optional<json::Value> Cell::argument(std::size_t index) const {
  if (index >= arguments.paths.size()) return std::nullopt;
  const auto value = arguments.paths[index].first(object);
  return value && !value->is_null() ? value : std::nullopt;
}

CellFunction find_cell_function(std::string_view name) {
  for (const NamedCells& cells : {general_cells(), pod_cells(), node_cells(), workload_cells(),
                                  network_cells(), storage_cells(), event_cells(), policy_cells()})
    for (const NamedCell& cell : cells)
      if (cell.name == name) return cell.function;
  return nullptr;
}

CellReader::CellReader(const Column& column) : function_(nullptr) {
  if (!column.value.starts_with('@')) {
    auto path = JsonPath::parse(column.value);
    function_ = path ? function_of_type(column.type) : write_nothing;
    if (path) arguments_.paths.push_back(std::move(*path));
    return;
  }
  const std::vector<std::string_view> words = split(std::string_view(column.value).substr(1), ' ');
  function_ = find_cell_function(words.front());
  for (const std::string_view word : std::span(words).subspan(1)) {
    auto path = word.starts_with('.') ? JsonPath::parse(word) : error(Code::InvalidArgument, "a word");
    if (path)
      arguments_.paths.push_back(std::move(*path));
    else
      arguments_.word = word;
  }
  if (function_ == nullptr) function_ = write_nothing;
}

std::string joined(const std::vector<std::string>& words, std::size_t limit) {
  const std::size_t shown = limit == 0 ? words.size() : std::min(limit, words.size());
  std::string text = fmt::format("{}", fmt::join(words.begin(), words.begin() + shown, ","));
  if (shown < words.size()) text += fmt::format(" + {} more...", words.size() - shown);
  return text;
}

}  // namespace gantry::kube::views
