// SPDX-License-Identifier: Apache-2.0
//
// What an expression of a template may be: a part of the JSON it is applied to, or what was made of it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"

namespace gantry::cli {

class TemplateValue {
 public:
  using List = std::vector<TemplateValue>;
  // A list, map or pointer of Go's that has nothing in it: as a text each has its own form, in JSON none.
  struct Empty {
    std::string_view text;  // "[]"; borrowed for good
  };

  TemplateValue() = default;  // nothing: null, or a key that a map has not
  TemplateValue(const json::Value& value);
  TemplateValue(std::string text) : value_(std::move(text)) {}
  TemplateValue(double number) : value_(number) {}
  TemplateValue(bool truth) : value_(truth) {}
  TemplateValue(List list) : value_(std::move(list)) {}
  TemplateValue(Empty empty) : value_(empty) {}

  bool is_nothing() const {
    return std::holds_alternative<std::monostate>(value_) || std::holds_alternative<Empty>(value_);
  }
  // As Go has it: false, 0, "", nothing, and what has no elements, are not true.
  bool is_true() const;
  // As Go's %v writes it: "[a b]", "map[k:v]", "<no value>".
  std::string text() const;
  std::string json() const;

  const std::string* as_text() const { return std::get_if<std::string>(&value_); }
  const double* as_number() const { return std::get_if<double>(&value_); }
  const bool* as_bool() const { return std::get_if<bool>(&value_); }
  const json::Value* as_object() const { return std::get_if<json::Value>(&value_); }
  const List* as_list() const { return std::get_if<List>(&value_); }
  std::optional<std::size_t> size() const;

  // Unordered where the two cannot be compared.
  std::partial_ordering compare(const TemplateValue& other) const;

 private:
  // Of JSON only objects stay as they are; all else is taken over.
  std::variant<std::monostate, bool, double, std::string, List, Empty, json::Value> value_;
};

}  // namespace gantry::cli
