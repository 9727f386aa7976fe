// SPDX-License-Identifier: Apache-2.0
#include "engine/links.h"

#include <utility>

#include <fmt/format.h>

#include "engine/container_files.h"
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

// On networks of users links are aliases, and the network's.
bool has_links(const ContainerRecord& container) {
  return container.networks->wanted.contains(kDefaultNetwork);
}

std::string name_of_link(const ContainerRecord& container, const std::string& alias) {
  return fmt::format("/{}/{}", container.name, alias);
}

// Calls visit(parent, alias, peer) for every link of every container.
template <class Visit>
void for_each_link(const Core& core, Visit visit) {
  for (const std::shared_ptr<Container>& container : core.containers.all()) {
    const ContainerRef record = container->record();
    if (!has_links(*record)) continue;
    for (const std::string& text : record->settings->host_config.links) {
      const LinkName link = parse_link(text);
      if (const auto peer = core.containers.find(link.peer)) visit(*record, link.alias, *peer);
    }
  }
}

}  // namespace

Result<std::string> resolve_link(const Core& core, const std::string& text) {
  const LinkName link = parse_link(text);
  const auto peer = core.find(link.peer);
  if (!peer)
    return error(Code::InvalidArgument, "could not get container for {}: No such container: {}", link.peer,
                 link.peer);
  return fmt::format("{}:{}", (*peer)->id(), link.alias);
}

// ---- names

std::vector<std::string> link_texts(const Core& core, const ContainerRecord& container) {
  std::vector<std::string> texts;
  if (!has_links(container)) return texts;
  for (const std::string& text : container.settings->host_config.links) {
    const LinkName link = parse_link(text);
    if (const auto peer = core.containers.find(link.peer))
      texts.push_back(fmt::format("/{}:{}", (*peer)->record()->name, name_of_link(container, link.alias)));
  }
  return texts;
}

std::map<std::string, std::vector<std::string>> link_names(const Core& core) {
  std::map<std::string, std::vector<std::string>> names;
  for_each_link(core, [&](const ContainerRecord& parent, const std::string& alias,
                          const std::shared_ptr<Container>& peer) {
    names[peer->id()].push_back(name_of_link(parent, alias));
  });
  return names;
}

std::shared_ptr<Container> find_linked(const Core& core, std::string_view name) {
  if (name.starts_with('/')) name.remove_prefix(1);
  if (name.find('/') == name.npos) return nullptr;
  std::shared_ptr<Container> found;
  for_each_link(core, [&](const ContainerRecord& parent, const std::string& alias,
                          const std::shared_ptr<Container>& peer) {
    if (std::string_view(name_of_link(parent, alias)).substr(1) == name) found = peer;
  });
  return found;
}

Result<void> remove_link(Core& core, Container& container, std::string_view alias) {
  ContainerRecord record = *container.record();
  auto settings = std::make_shared<ContainerSettings>(*record.settings);
  const auto is_it = [&](const std::string& text) { return parse_link(text).alias == alias; };
  if (!has_links(record) || std::erase_if(settings->host_config.links, is_it) == 0)
    return error(Code::NotFound, "No such container: /{}/{}", record.name, alias);
  TRY(core.database.save_settings(container.number, *settings));
  record.settings = std::move(settings);
  container.publish(record);
  if (record.state.is_running()) TRY(write_hosts(core, record, *record.networks));
  return {};
}

// ---- what they do

Result<std::vector<LinkedContainer>> links_of(const Core& core, const ContainerRecord& container) {
  std::vector<LinkedContainer> links;
  if (!has_links(container)) return links;
  for (const std::string& text : container.settings->host_config.links) {
    const LinkName name = parse_link(text);
    const auto peer = core.find(name.peer);
    if (!peer) continue;  // removed since: Docker's links go with their target, too
    const ContainerRef record = (*peer)->record();
    if (record->state.is_running()) links.push_back({record, name.alias, address_of(*record)});
  }
  return links;
}

Result<std::vector<LinkedContainer>> running_links_of(const Core& core, const ContainerRecord& container) {
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

std::vector<std::shared_ptr<Container>> containers_linking_to(const Core& core,
                                                              const ContainerRecord& container) {
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
