// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/api/user.h"

namespace gantry::kube {

// In whose name the server itself writes.
inline const User& self() {
  static const User kSelf{.name = "system:apiserver", .uid = {}, .groups = {kMastersGroup}, .extra = {}};
  return kSelf;
}

}  // namespace gantry::kube
