// SPDX-License-Identifier: Apache-2.0
//
// Docker's legacy links (`--link db:alias` on the default network): who links to whom, and what the one that
// links is told about the other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

struct LinkedContainer {
  ContainerRef peer;
  std::string alias;
  std::string address;  // on the default network
};

// Those of HostConfig.Links that run, in order.
Result<std::vector<LinkedContainer>> links_of(Core& core, const ContainerRecord& container);
// The same for a start: InvalidArgument "Cannot link to a non running container: /db AS /web/alias".
Result<std::vector<LinkedContainer>> running_links_of(Core& core, const ContainerRecord& container);
// The variables that its links put into its environment.
std::vector<std::string> link_environment_of(const ContainerRecord& container,
                                             const std::vector<LinkedContainer>& links);
std::vector<std::shared_ptr<Container>> containers_linking_to(Core& core, const ContainerRecord& container);

}  // namespace gantry::engine
