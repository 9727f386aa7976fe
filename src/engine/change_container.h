// SPDX-License-Identifier: Apache-2.0
//
// What changes about a container without ending it: its name, its limits and restart policy, its networks.
// By the holder of changes().
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

Result<void> rename_container(Core& core, Container& container, std::string_view name);
Result<std::vector<std::string>> update_container(Core& core, Container& container,
                                                  const UpdateRequest& request);
Result<void> connect_container(Core& core, Container& container, std::string_view network,
                               network::EndpointSettings settings);
Result<void> disconnect_container(Core& core, Container& container, std::string_view network, bool force);

}  // namespace gantry::engine
