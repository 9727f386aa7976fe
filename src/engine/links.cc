// SPDX-License-Identifier: Apache-2.0
#include "engine/links.h"

#include <utility>

#include "engine/port_requests.h"
#include "network/links_env.h"

namespace gantry::engine {

namespace {

constexpr const char* kDefaultNetwork = "bridge";

struct LinkName {
  std::string peer;
  std::string alias;
};

// "db", "db:alias", and "/db:/web/alias", as inspect shows it.
LinkName parse_link(const std::string& text) {
  const std::size_t colon = text.find(':');
  LinkName link{.peer = text.substr(0, colon)};
  const std::string alias = colon == text.npos ? link.peer : text.substr(colon + 1);
  const std::size_t slash = alias.rfind('/');
  link.alias = slash == alias.npos ? alias : alias.substr(slash + 1);
  return link;
}

std::string address_of(const ContainerRecord& container) {
  const auto found = container.networks->endpoints.find(kDefaultNetwork);
  return found == container.networks->endpoints.end() ? std::string() : found->second.ip_address;
}

}  // namespace

Result<std::vector<LinkedContainer>> links_of(Core& core, const ContainerRecord& container) {
  std::vector<LinkedContainer> links;
  if (!container.networks->wanted.contains(kDefaultNetwork)) return links;
  for (const std::string& text : container.settings->host_config.links) {
    const LinkName name = parse_link(text);
    const auto peer = core.find(name.peer);
    if (!peer) continue;  // removed since: Docker's links go with their target, too
    const ContainerRef record = (*peer)->record();
    if (record->state.is_running()) links.push_back({record, name.alias, address_of(*record)});
  }
  return links;
}

Result<std::vector<LinkedContainer>> running_links_of(Core& core, const ContainerRecord& container) {
  for (const std::string& text : container.settings->host_config.links) {
    const LinkName name = parse_link(text);
    const auto peer = core.find(name.peer);
    if (peer && !(*peer)->record()->state.is_running())
      return error(Code::InvalidArgument, "Cannot link to a non running container: /{} AS /{}/{}",
                   (*peer)->record()->name, container.name, name.alias);
  }
  return links_of(core, container);
}

std::vector<std::string> link_environment_of(const ContainerRecord& container,
                                             const std::vector<LinkedContainer>& links) {
  std::vector<std::string> environment;
  for (const LinkedContainer& linked : links) {
    const container::Config& config = linked.peer->settings->config;
    network::Link link{.parent = container.name,
                       .alias = linked.alias,
                       .address = linked.address,
                       .environment = config.env};
    for (const auto& [text, nothing] : config.exposed_ports)
      if (const auto port = parse_container_port(text))
        link.ports.push_back({port->number, std::string(name_of(port->protocol))});
    const std::vector<std::string> variables = network::link_environment(link);
    environment.insert(environment.end(), variables.begin(), variables.end());
  }
  return environment;
}

std::vector<std::shared_ptr<Container>> containers_linking_to(Core& core, const ContainerRecord& container) {
  std::vector<std::shared_ptr<Container>> found;
  for (std::shared_ptr<Container>& other : core.containers.all()) {
    for (const std::string& text : other->record()->settings->host_config.links) {
      const auto peer = core.find(parse_link(text).peer);
      if (!peer || (*peer)->id() != container.id) continue;
      found.push_back(std::move(other));
      break;
    }
  }
  return found;
}

}  // namespace gantry::engine
