// SPDX-License-Identifier: Apache-2.0
//
// `changes` of POST /commit and POST /images/create: instructions of a Dockerfile that change an image's
// config.
//
//   TRY(apply_changes({"ENV DEBUG=1", "CMD [\"serve\"]"}, config));
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/image/image_config.h"

namespace gantry::docker {

// Each may hold several lines. InvalidArgument names the instruction that is not possible here, or is wrong.
Result<void> apply_changes(const std::vector<std::string_view>& changes, oci::ContainerConfig& config);

}  // namespace gantry::docker
