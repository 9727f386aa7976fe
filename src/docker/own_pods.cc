// SPDX-License-Identifier: Apache-2.0
//
// /gantry/v1/pods: groups of containers that share namespaces (docs/formats/gantry-api.md).
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "docker/container_create.h"
#include "docker/container_views.h"
#include "docker/endpoints.h"
#include "engine/engine.h"

namespace gantry::docker {
namespace {

using json::Presence;

struct PodContainer {
  std::string id, name, state;
};
void fields(json::Fields& f, PodContainer& container) {
  f("Id", container.id, Presence::Always);
  f("Name", container.name, Presence::Always);
  f("State", container.state, Presence::Always);
}

struct PodView {
  std::string id, name;
  std::string created;  // RFC 3339
  bool running = false;
  engine::PodSettings settings;
  std::map<std::string, network::EndpointSettings> networks;
  container::PortMap ports;
  std::vector<PodContainer> containers;  // in order of creation: the order of start
};
void fields(json::Fields& f, PodView& view) {
  f("Id", view.id, Presence::Always);
  f("Name", view.name, Presence::Always);
  f("Created", view.created, Presence::Always);
  f("Running", view.running, Presence::Always);
  f("Settings", view.settings, Presence::Always);
  f("Networks", view.networks, Presence::Always);
  f("Ports", view.ports, Presence::Always);
  f("Containers", view.containers, Presence::Always);
}

PodView view_of(const engine::Engine& engine, const engine::PodRecord& pod) {
  PodView view{.id = pod.id,
               .name = pod.name,
               .created = time_text(pod.created),
               .running = pod.is_running,
               .settings = *pod.settings,
               .networks = pod.networks->endpoints,
               .ports = pod.networks->ports};
  for (const engine::ContainerRef& container : engine.containers_of(pod))
    view.containers.push_back(
        {container->id, container->name, std::string(name_of(container->state.status))});
  return view;
}

// ---- the endpoints

Result<void> create_pod(const Context& context, Call& call) {
  auto settings = TRY(call.body<engine::PodSettings>(Call::Body::Optional));
  engine::CreateResult made = TRY(context.engine.create_pod(call.text("name"), std::move(settings)));
  return call.send_object(Created{std::move(made.id), std::move(made.warnings)}, 201);
}

Result<void> list_pods(const Context& context, Call& call) {
  json::Writer writer;
  writer.begin_array();
  for (const engine::PodRef& pod : context.engine.pods()) {
    PodView view = view_of(context.engine, *pod);
    json::encode(writer, view);
  }
  writer.end_array();
  return call.send_json(std::move(writer).text());
}

Result<void> inspect_pod(const Context& context, Call& call) {
  const engine::PodRef pod = TRY(context.engine.find_pod(call.parameter(0)));
  return call.send_object(view_of(context.engine, *pod));
}

int status_of_change(bool has_changed) { return has_changed ? 204 : 304; }

Result<void> start_pod(const Context& context, Call& call) {
  return call.send(status_of_change(TRY(context.engine.start_pod(call.parameter(0)))));
}

Result<void> stop_pod(const Context& context, Call& call) {
  engine::StopOptions options;
  if (const auto seconds = TRY(call.number("t"))) options.patience = std::chrono::seconds(*seconds);
  if (call.query.has("signal")) options.signal = call.text("signal");
  return call.send(status_of_change(TRY(context.engine.stop_pod(call.parameter(0), options))));
}

Result<void> remove_pod(const Context& context, Call& call) {
  TRY(context.engine.remove_pod(call.parameter(0), {.force = call.flag("force"), .volumes = call.flag("v")}));
  return call.send(204);
}

Result<void> create_in_pod(const Context& context, Call& call) {
  return create_container_in(context, call, TRY(context.engine.find_pod(call.parameter(0)))->id);
}

}  // namespace

std::span<const Route> pod_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/gantry/v1/pods", list_pods},
      {"POST", "/gantry/v1/pods", create_pod},
      {"GET", "/gantry/v1/pods/{pod}", inspect_pod},
      {"DELETE", "/gantry/v1/pods/{pod}", remove_pod},
      {"POST", "/gantry/v1/pods/{pod}/start", start_pod},
      {"POST", "/gantry/v1/pods/{pod}/stop", stop_pod},
      {"POST", "/gantry/v1/pods/{pod}/containers", create_in_pod},
  };
  return kRoutes;
}

}  // namespace gantry::docker
