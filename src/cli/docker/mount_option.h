// SPDX-License-Identifier: Apache-2.0
//
// `--mount type=bind,source=/a,target=/b,readonly` and `--volume /a:/b:ro`.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "container/settings.h"

namespace gantry::cli::docker {

Result<container::Mount> parse_mount(std::string_view text);

// Adds to the binds, or to the anonymous volumes where there is only a target. A source that begins with '.'
// or '~' is made absolute.
Result<void> add_volume(std::string_view text, std::vector<std::string>& binds, oci::StringSet& anonymous);

}  // namespace gantry::cli::docker
