// SPDX-License-Identifier: Apache-2.0
//
// Docker's legacy links (`--link db:alias` on the default network): who links to whom, and what the one that
// links is told about the other. A record says them as "ID:alias", so that renaming one changes nothing.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

struct LinkedContainer {
  ContainerRef peer;
  std::string alias;
  std::string address;  // on the default network
};

// How a link that is asked for ("db", "db:alias", "/db:/web/alias") is recorded. NotFound.
Result<std::string> resolve_link(const Core& core, const std::string& text);

// ---- names

// As inspect shows those of a container: "/db:/web/alias".
std::vector<std::string> link_texts(const Core& core, const ContainerRecord& container);
// By id, what links call a container: "/web/alias".
std::map<std::string, std::vector<std::string>> link_names(const Core& core);
// "web/alias", also with a slash in front; null where there is no such link.
std::shared_ptr<Container> find_linked(const Core& core, std::string_view name);
// Takes the link away from the container that has it, whose changes() are held. NotFound.
Result<void> remove_link(Core& core, Container& container, std::string_view alias);

// ---- what they do

// Those of HostConfig.Links that run, in order.
Result<std::vector<LinkedContainer>> links_of(const Core& core, const ContainerRecord& container);
// The same for a start: InvalidArgument "Cannot link to a non running container: /db AS /web/alias".
Result<std::vector<LinkedContainer>> running_links_of(const Core& core, const ContainerRecord& container);
// The variables that its links put into its environment.
std::vector<std::string> link_environment_of(const ContainerRecord& container,
                                             const std::vector<LinkedContainer>& links);
std::vector<std::shared_ptr<Container>> containers_linking_to(const Core& core,
                                                              const ContainerRecord& container);

}  // namespace gantry::engine
