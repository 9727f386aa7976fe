// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/type.h"

#include <algorithm>

namespace gantry::kube {

const Field* Type::find(std::string_view field) const {
  const auto is_before = [](const Field& a, std::string_view b) { return a.name < b; };
  const auto at = std::lower_bound(fields.begin(), fields.end(), field, is_before);
  return at != fields.end() && at->name == field ? &*at : nullptr;
}

}  // namespace gantry::kube
