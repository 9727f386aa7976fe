// SPDX-License-Identifier: Apache-2.0
//
// The part of kubectl's JSONPath that printed columns are made of
// (https://kubernetes.io/docs/reference/kubectl/jsonpath/): members, indexes, "[*]", and filters that compare
// a member with a constant.
//
//   const JsonPath path = TRY(JsonPath::parse(".status.conditions[?(@.type==\"Ready\")].status"));
//   if (const auto found = path.first(object)) use(found->as_string());
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace gantry::kube::views {

class JsonPath {
 public:
  JsonPath() = default;  // of the value itself
  // With or without the dot in front, with or without braces around. InvalidArgument for other text.
  static Result<JsonPath> parse(std::string_view text);

  // In the order of the document.
  std::optional<json::Value> first(const json::Value& value) const { return first_from(0, value); }

 private:
  friend class JsonPathParser;
  struct Step {
    enum class Kind : std::uint8_t { Member, Index, All, Filter };
    Kind kind = Kind::Member;
    std::string name;                     // of Member
    std::int64_t index = 0;               // of Index; negative: from the end
    std::vector<std::string> operand;     // of Filter: the members down to what is compared
    bool is_equal = true;                 // of Filter: false: it must differ
    std::optional<std::string> constant;  // of Filter, as text; nothing: the operand must only be there

    bool accepts(const json::Value& element) const;
  };
  std::optional<json::Value> first_from(std::size_t step, const json::Value& value) const;
  std::optional<json::Value> first_of_elements(std::size_t step, const json::Value& list) const;

  std::vector<Step> steps_;
};

// A value as a cell shows it: strings without quotes, all else as JSON.
std::string plain_text(const json::Value& value);

}  // namespace gantry::kube::views
