// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/patch_faults.h"

#include <fmt/format.h>

namespace gantry::kube {

Status does_not_apply(std::string_view why) {
  return Status(
      {.code = 422,
       .reason = "Invalid",
       .message = fmt::format("the server rejected our request due to an error in our request: {}", why)});
}

}  // namespace gantry::kube
