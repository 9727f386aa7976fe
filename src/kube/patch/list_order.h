// SPDX-License-Identifier: Apache-2.0
//
// In which order the elements of two merged lists stand (strategic merge patch, "preserve order").
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "base/json_tree.h"

namespace gantry::kube {

inline constexpr std::size_t kIsNew = std::numeric_limits<std::size_t>::max();

struct KeyedElement {
  std::string key;  // what tells it apart
  json::Tree value;
  std::size_t place = kIsNew;  // in the list as it was
};

// What can tell elements apart: a scalar's text, so that "1" and 1 differ.
std::string key_of_scalar(const json::Tree& scalar);

// Elements that `order` names come in its order, the others as they stood; where both are in question, the
// one that stood before the other, and a new one before all that are left. `elements`: in their order of
// `place`.
json::TreeArray in_order(std::vector<KeyedElement> elements, const std::vector<std::string>& order);

}  // namespace gantry::kube
