// SPDX-License-Identifier: Apache-2.0
#include "cli/template_value.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/printable.h"

namespace gantry::cli {
namespace {

std::string number_text(double number) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (std::floor(number) == number && std::fabs(number) <= kExact)
    return fmt::format("{}", static_cast<std::int64_t>(number));
  return fmt::format("{}", number);
}

std::string map_text(const json::Value& object) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < object.size(); ++i)
    parts.push_back(fmt::format("{}:{}", object.key(i), TemplateValue(object.at(i)).text()));
  std::sort(parts.begin(), parts.end());
  return fmt::format("map[{}]", fmt::join(parts, " "));
}

}  // namespace

TemplateValue::TemplateValue(const json::Value& value) {
  switch (value.kind()) {
    case json::Kind::Null: break;
    case json::Kind::Bool: value_ = value.as_bool(); break;
    case json::Kind::Number: value_ = value.as_double(); break;
    case json::Kind::String: value_ = std::string(value.as_string()); break;
    case json::Kind::Object: value_ = value; break;
    case json::Kind::Array: {
      List list;
      for (std::size_t i = 0; i < value.size(); ++i) list.emplace_back(value.at(i));
      value_ = std::move(list);
    }
  }
}

bool TemplateValue::is_true() const {
  if (const bool* truth = as_bool()) return *truth;
  if (const double* number = as_number()) return *number != 0;
  return size().value_or(0) > 0;
}

std::optional<std::size_t> TemplateValue::size() const {
  if (const std::string* text = as_text()) return text->size();
  if (const List* list = as_list()) return list->size();
  if (const json::Value* object = as_object()) return object->size();
  if (std::holds_alternative<Empty>(value_)) return 0;
  return std::nullopt;
}

std::string TemplateValue::text() const {
  if (const bool* truth = as_bool()) return *truth ? "true" : "false";
  if (const double* number = as_number()) return number_text(*number);
  if (const std::string* text = as_text()) return *text;
  if (const json::Value* object = as_object()) return map_text(*object);
  if (const List* list = as_list()) {
    std::vector<std::string> parts;
    for (const TemplateValue& value : *list) parts.push_back(value.text());
    return fmt::format("[{}]", fmt::join(parts, " "));
  }
  if (const Empty* empty = std::get_if<Empty>(&value_)) return std::string(empty->text);
  return "<no value>";
}

std::string TemplateValue::json() const {
  json::Writer writer;
  if (const bool* truth = as_bool()) return *truth ? "true" : "false";
  if (const double* number = as_number()) return number_text(*number);
  if (const std::string* text = as_text()) return std::move(writer.value(*text)).text();
  if (const json::Value* object = as_object()) return object->to_text();
  if (const List* list = as_list()) {
    writer.begin_array();
    for (const TemplateValue& value : *list) writer.raw(value.json());
    return std::move(writer.end_array()).text();
  }
  return "null";
}

std::partial_ordering TemplateValue::compare(const TemplateValue& other) const {
  if (as_number() && other.as_number()) return *as_number() <=> *other.as_number();
  if (as_text() && other.as_text()) return *as_text() <=> *other.as_text();
  if (as_bool() && other.as_bool()) return *as_bool() <=> *other.as_bool();
  if (is_nothing() && other.is_nothing()) return std::partial_ordering::equivalent;
  return std::partial_ordering::unordered;
}

}  // namespace gantry::cli
