// SPDX-License-Identifier: Apache-2.0
//
// `--publish` and `--expose`: [[ADDRESS:][HOST_PORT]:]PORT[/PROTOCOL], where ports may be ranges.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "container/settings.h"

namespace gantry::cli::docker {

// Adds what one `--publish` says, also to the exposed ports.
Result<void> add_published(std::string_view text, container::PortMap& bindings, oci::StringSet& exposed);
Result<void> add_exposed(std::string_view text, oci::StringSet& exposed);

}  // namespace gantry::cli::docker
