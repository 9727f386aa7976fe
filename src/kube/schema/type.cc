// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/type.h"

#include <algorithm>

namespace gantry::kube {

const Field* Type::find(std::string_view field) const {
  // Most names differ in their first letter, which takes no call.
  const auto is_before = [](const Field& a, std::string_view b) {
    if (a.name.empty() || b.empty() || a.name.front() == b.front()) return a.name < b;
    return std::char_traits<char>::lt(a.name.front(), b.front());
  };
  const auto at = std::lower_bound(fields.begin(), fields.end(), field, is_before);
  return at != fields.end() && at->name == field ? &*at : nullptr;
}

}  // namespace gantry::kube
