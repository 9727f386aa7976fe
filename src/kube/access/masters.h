// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "kube/api/user.h"

namespace gantry::kube {

// Whether he may do everything.
inline bool is_master(const User& user) {
  return std::ranges::find(user.groups, kMastersGroup) != user.groups.end();
}

}  // namespace gantry::kube
