// SPDX-License-Identifier: Apache-2.0
//
// What the kinds of patches say alike when they fail.
#pragma once

#include <string_view>

#include "kube/api/status.h"

namespace gantry::kube {

// 422: the patch is one, but what it says cannot be done to this object.
Status does_not_apply(std::string_view why);

}  // namespace gantry::kube
