// SPDX-License-Identifier: Apache-2.0
//
// Conditions in an object's status, as the server itself sets them.
#pragma once

#include <string_view>

#include "base/json_tree.h"

namespace gantry::kube {

struct Condition {
  std::string_view type;
  bool holds = false;
  std::string_view reason, message;
};

// The time of a condition that held before, or did not, stays as it was. `now`: as objects have times.
void set_condition(json::Tree& status, const Condition& condition, std::string_view now);

}  // namespace gantry::kube
