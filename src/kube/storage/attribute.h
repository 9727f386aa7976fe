// SPDX-License-Identifier: Apache-2.0
//
// What objects of a collection are told apart by without parsing one: namespace, name, a label, a selectable
// field. Of each of them an object has one value, or of a label none.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/storage/object.h"

namespace gantry::kube {

struct Attribute {
  enum class Kind : std::uint8_t { Nothing, Namespace, Name, Label, Field };

  Kind kind = Kind::Nothing;  // which all objects have, and "" is its value
  std::string key;            // of a label
  std::size_t field = 0;      // of a field: which of those that the collection's objects were made with
  std::string absent;         // of a field: its value where it is not there; as it would stand in JSON

  // As it stands in JSON, between the quotes if it has some. As long as the object and this live.
  std::optional<std::string_view> of(const Object& object) const;

  friend auto operator<=>(const Attribute&, const Attribute&) = default;
};

// What an object must have to be selected: of an attribute one of these values, or any if there are none.
struct Term {
  Attribute attribute;
  std::vector<std::string> values;

  friend bool operator==(const Term&, const Term&) = default;
};

}  // namespace gantry::kube
