// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/query_flag.h"

#include <algorithm>
#include <array>

namespace gantry::kube {

bool is_true(const http::Query& query, std::string_view name) {
  const auto value = query.get(name);
  if (!value) return false;
  constexpr std::array<std::string_view, 7> kNo = {"0", "f", "F", "false", "FALSE", "False", "no"};
  return std::ranges::find(kNo, *value) == kNo.end();
}

}  // namespace gantry::kube
