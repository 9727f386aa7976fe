// SPDX-License-Identifier: Apache-2.0
//
// Reading members of members of an object that may not be there.
//
//   text_at(pod, "status", "phase")         // "" if there is none
//   for_each(at(pod, "spec", "containers"), [](const json::Value& container) { ... });
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/json.h"

namespace gantry::kube::views {

inline std::optional<json::Value> at(const json::Value& value) { return value; }

template <class... Keys>
std::optional<json::Value> at(const json::Value& value, std::string_view key, Keys... more) {
  const auto member = value.find(key);
  return member && !member->is_null() ? at(*member, more...) : std::nullopt;
}

template <class... Keys>
std::string_view text_at(const json::Value& value, Keys... keys) {
  const auto found = at(value, keys...);
  return found ? found->as_string() : std::string_view();
}

template <class... Keys>
std::int64_t number_at(const json::Value& value, Keys... keys) {
  const auto found = at(value, keys...);
  return found ? found->as_int64().value_or(0) : 0;
}

template <class... Keys>
bool is_true_at(const json::Value& value, Keys... keys) {
  const auto found = at(value, keys...);
  return found && found->as_bool();
}

// Of an array, or of an object's values.
template <class Visit>
void for_each(const std::optional<json::Value>& list, Visit&& visit) {
  for (std::size_t i = 0; list && i < list->size(); ++i) visit(list->at(i));
}

inline std::size_t size_of(const std::optional<json::Value>& list) { return list ? list->size() : 0; }

// Of `status.conditions`; nothing: there is no such.
inline std::optional<json::Value> condition_of(const json::Value& object, std::string_view type) {
  std::optional<json::Value> found;
  for_each(at(object, "status", "conditions"), [&](const json::Value& condition) {
    if (text_at(condition, "type") == type) found = condition;
  });
  return found;
}

inline bool has_condition(const json::Value& object, std::string_view type) {
  const auto condition = condition_of(object, type);
  return condition && text_at(*condition, "status") == "True";
}

}  // namespace gantry::kube::views
