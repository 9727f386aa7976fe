// SPDX-License-Identifier: Apache-2.0
//
// Cells of many kinds.
#include <algorithm>

#include <fmt/format.h>

#include "base/json_tree.h"
#include "kube/api/selector.h"
#include "kube/views/age.h"
#include "kube/views/cell.h"
#include "kube/views/value_access.h"

namespace gantry::kube::views {
namespace {

using json::Value;

// The argument as text, or what stands for nothing.
void write_or(const Cell& cell, std::string_view otherwise) {
  const auto value = cell.argument();
  cell.write(value ? plain_text(*value) : std::string(), otherwise);
}

void or_none(const Cell& cell) { write_or(cell, "<none>"); }
void or_unset(const Cell& cell) { write_or(cell, "<unset>"); }
void or_unknown(const Cell& cell) { write_or(cell, "<unknown>"); }
void or_na(const Cell& cell) { write_or(cell, "N/A"); }

void or_zero(const Cell& cell) {
  const auto value = cell.argument();
  cell.writer.value(value ? value->as_int64().value_or(0) : 0);
}

void write_flag(const Cell& cell, bool otherwise) {
  const auto value = cell.argument();
  cell.writer.value(value ? value->as_bool() : otherwise);
}
void or_true(const Cell& cell) { write_flag(cell, true); }
void or_false(const Cell& cell) { write_flag(cell, false); }

void age_or_none(const Cell& cell) {
  const auto time = cell.argument();
  cell.write(time ? age_since(time->as_string(), cell.now) : "<none>");
}

// Of the members of all arguments together.
void count(const Cell& cell) {
  std::size_t members = 0;
  for (std::size_t i = 0; i < cell.arguments.paths.size(); ++i) members += size_of(cell.argument(i));
  cell.writer.value(members);
}

void joined_texts(const Cell& cell) {
  std::vector<std::string> words;
  for_each(cell.argument(), [&](const Value& word) { words.push_back(plain_text(word)); });
  cell.write(joined(words), "<none>");
}

void trimmed(const Cell& cell) {
  constexpr const char* kSpaces = " \t\r\n\v\f";
  const auto value = cell.argument();
  std::string_view text = value ? value->as_string() : std::string_view();
  text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  cell.write(text.substr(0, text.find_last_not_of(kSpaces) + 1));
}

void labels(const Cell& cell) {
  std::vector<std::string> words;
  const auto found = cell.argument();
  for (std::size_t i = 0; i < size_of(found); ++i)
    words.push_back(fmt::format("{}={}", found->key(i), found->at(i).as_string()));
  std::ranges::sort(words);
  cell.write(joined(words), "<none>");
}

void label_selector(const Cell& cell) {
  const auto found = cell.argument();
  if (!found) return cell.write("<none>");
  const auto selector = LabelSelector::from_tree(json::Tree(*found));
  cell.write(selector ? selector->text() : "<error>", "<none>");
}

void write_of_containers(const Cell& cell, std::string_view member) {
  std::vector<std::string> words;
  if (const auto spec = cell.argument())
    for_each(at(*spec, "containers"),
             [&](const Value& container) { words.emplace_back(text_at(container, member)); });
  cell.write(joined(words));
}
void container_names(const Cell& cell) { write_of_containers(cell, "name"); }
void container_images(const Cell& cell) { write_of_containers(cell, "image"); }

// Of a ComponentStatus, whose conditions stand at the top.
std::optional<Value> component_condition(const Cell& cell) {
  std::optional<Value> found;
  for_each(at(cell.object, "conditions"), [&](const Value& condition) {
    if (text_at(condition, "type") == cell.arguments.word) found = condition;
  });
  return found;
}

void condition_status(const Cell& cell) {
  const auto condition = component_condition(cell);
  const std::string_view status = condition ? text_at(*condition, "status") : std::string_view();
  cell.write(status == "True" ? "Healthy" : status == "False" ? "Unhealthy" : "Unknown");
}
void condition_message(const Cell& cell) {
  const auto condition = component_condition(cell);
  cell.write(condition ? text_at(*condition, "message") : std::string_view());
}
void condition_error(const Cell& cell) {
  const auto condition = component_condition(cell);
  cell.write(condition ? text_at(*condition, "error") : std::string_view());
}

constexpr NamedCell kCells[] = {
    {"or_none", or_none},
    {"or_unset", or_unset},
    {"or_unknown", or_unknown},
    {"or_na", or_na},
    {"or_zero", or_zero},
    {"or_true", or_true},
    {"or_false", or_false},
    {"age_or_none", age_or_none},
    {"count", count},
    {"joined", joined_texts},
    {"trimmed", trimmed},
    {"labels", labels},
    {"label_selector", label_selector},
    {"container_names", container_names},
    {"container_images", container_images},
    {"condition_status", condition_status},
    {"condition_message", condition_message},
    {"condition_error", condition_error},
};

}  // namespace

NamedCells general_cells() { return kCells; }

}  // namespace gantry::kube::views
