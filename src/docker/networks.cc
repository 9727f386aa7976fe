// SPDX-License-Identifier: Apache-2.0
//
// Networks: list, inspect, create, remove, connect, disconnect, prune.
#include "network/networks.h"
#include "base/timestamp.h"
#include "docker/call.h"
#include "docker/endpoints.h"
#include "docker/filters.h"
#include "docker/network_views.h"
#include "docker/time_parameter.h"
#include "engine/engine.h"
#include "engine/object_events.h"

namespace gantry::docker {
namespace {

using network::Network;

void publish(const Context& context, std::string_view action, const Network& network) {
  engine::publish_network_event(context.engine.events(), action, network);
}

// ---- list, inspect

Result<void> list(const Context& context, Call& call) {
  const NetworkFilter filter = TRY(NetworkFilter::parse(call.text("filters")));
  std::vector<NetworkView> views;
  for (const Network& network : context.networks.list())
    if (filter.accepts(network)) views.push_back(view_of(network, Members::Hide));
  return call.send_object(views);
}

Result<void> inspect(const Context& context, Call& call) {
  return call.send_object(view_of(TRY(context.networks.find(call.parameter(0))), Members::Show));
}

// ---- create, remove

struct Created {
  std::string id;
  std::string warning;
};

void fields(json::Fields& f, Created& created) {
  f("Id", created.id, json::Presence::Always);
  f("Warning", created.warning, json::Presence::Always);
}

// What the network itself has no words for, since it is always the same.
struct CreateBody {
  network::NetworkConfig config;
  std::string scope;
  NetworkView::ConfigFrom config_from;
};

void fields(json::Fields& f, CreateBody& body) {
  fields(f, body.config);
  f("Scope", body.scope);
  f("ConfigFrom", body.config_from);
}

Result<void> check(const CreateBody& body) {
  if (!body.scope.empty() && body.scope != "local")
    return error(Code::Unsupported, "networks of scope '{}' are not supported: networks are of one host",
                 body.scope);
  if (!body.config_from.network.empty())
    return error(Code::Unsupported, "config-only networks are not supported");
  return {};
}

Result<void> create(const Context& context, Call& call) {
  CreateBody body = TRY(call.body<CreateBody>());
  TRY(check(body));
  network::NetworkConfig config = std::move(body.config);
  if (config.driver.empty()) config.driver = "bridge";
  if (config.ipam.driver.empty()) config.ipam.driver = "default";
  const std::string id = TRY(context.networks.create(std::move(config)));
  publish(context, "create", TRY(context.networks.find(id)));
  return call.send_object(Created{.id = id}, 201);
}

Result<void> remove(const Context& context, Call& call) {
  const Network network = TRY(context.networks.find(call.parameter(0)));
  TRY(context.networks.remove(network.id));
  publish(context, "destroy", network);
  return call.send(204);
}

// ---- connect, disconnect

struct Connection {
  std::string container;
  network::EndpointSettings endpoint;
};

void fields(json::Fields& f, Connection& connection) {
  f("Container", connection.container, json::Presence::Required);
  f("EndpointConfig", connection.endpoint);
}

Result<void> connect(const Context& context, Call& call) {
  Connection wanted = TRY(call.body<Connection>());
  TRY(context.engine.connect(call.parameter(0), wanted.container, std::move(wanted.endpoint)));
  return call.send(200);
}

struct Disconnection {
  std::string container;
  bool force = false;
};

void fields(json::Fields& f, Disconnection& disconnection) {
  f("Container", disconnection.container, json::Presence::Required);
  f("Force", disconnection.force);
}

Result<void> disconnect(const Context& context, Call& call) {
  const Disconnection wanted = TRY(call.body<Disconnection>());
  TRY(context.engine.disconnect(call.parameter(0), wanted.container, wanted.force));
  return call.send(200);
}

// ---- prune

struct Pruned {
  std::vector<std::string> networks;
};

void fields(json::Fields& f, Pruned& pruned) {
  f("NetworksDeleted", pruned.networks, json::Presence::Always);
}

Result<void> prune(const Context& context, Call& call) {
  const Filters filters = TRY(Filters::parse(call.text("filters"), {"label", "label!", "until"}));
  std::optional<std::int64_t> until;
  if (filters.has("until")) until = TRY(parse_time(filters.values("until").front(), wall_clock_ns()));
  const std::vector<Network> removed = TRY(context.networks.prune([&](const Network& network) {
    return filters.matches_labels(network.config.labels) &&
           (!until || parse_timestamp(network.created).value_or(0) <= *until);
  }));
  Pruned pruned;
  for (const Network& network : removed) {
    publish(context, "destroy", network);
    pruned.networks.push_back(network.config.name);
  }
  context.engine.events().publish({.type = "network", .action = "prune", .attributes = {{"reclaimed", "0"}}});
  return call.send_object(pruned);
}

}  // namespace

std::span<const Route> network_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/networks", list},
      {"POST", "/networks/create", create},
      {"POST", "/networks/prune", prune},
      {"GET", "/networks/{name}", inspect},
      {"DELETE", "/networks/{name}", remove},
      {"POST", "/networks/{name}/connect", connect},
      {"POST", "/networks/{name}/disconnect", disconnect},
  };
  return kRoutes;
}

}  // namespace gantry::docker
