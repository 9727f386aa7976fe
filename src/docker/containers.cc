// SPDX-License-Identifier: Apache-2.0
//
// The life of containers: /containers/create, and what is done to one.
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "docker/container_create.h"
#include "docker/container_filters.h"
#include "docker/endpoints.h"
#include "docker/time_parameter.h"
#include "engine/engine.h"
#include "engine/stop_container.h"

namespace gantry::docker {
namespace {

struct Warned {
  std::vector<std::string> warnings;
};
void fields(json::Fields& f, Warned& warned) { f("Warnings", warned.warnings, json::Presence::Always); }

struct UpdateBody {
  container::Resources resources;
  std::optional<container::RestartPolicy> restart_policy;
};
void fields(json::Fields& f, UpdateBody& body) {
  fields(f, body.resources);
  f("RestartPolicy", body.restart_policy);
}

struct PruneReport {
  std::vector<std::string> containers_deleted;
  std::uint64_t space_reclaimed = 0;  // bytes
};
void fields(json::Fields& f, PruneReport& report) {
  f("ContainersDeleted", report.containers_deleted, json::Presence::Always);
  f("SpaceReclaimed", report.space_reclaimed, json::Presence::Always);
}

Result<void> create_container(const Context& context, Call& call) {
  return create_container_in(context, call, "");
}

// Docker answers 304 when there was nothing to do; clients take it as success.
int status_of_change(bool has_changed) { return has_changed ? 204 : 304; }

Result<void> start_container(const Context& context, Call& call) {
  if (call.request.body_length().value_or(0) > 2)
    return error(
        Code::InvalidArgument,
        "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24");
  return call.send(status_of_change(TRY(context.engine.start(call.parameter(0)))));
}

Result<engine::StopOptions> stop_options(const Call& call) {
  engine::StopOptions options;
  if (const auto seconds = TRY(call.number("t"))) options.patience = std::chrono::seconds(*seconds);
  // Before 1.42 there was no such parameter, and clients of other engines may send one.
  if (call.version >= ApiVersion{1, 42} && call.query.has("signal")) options.signal = call.text("signal");
  return options;
}

Result<void> stop_container(const Context& context, Call& call) {
  return call.send(status_of_change(TRY(context.engine.stop(call.parameter(0), TRY(stop_options(call))))));
}

Result<void> restart_container(const Context& context, Call& call) {
  TRY(context.engine.restart(call.parameter(0), TRY(stop_options(call))));
  return call.send(204);
}

Result<void> kill_container(const Context& context, Call& call) {
  const std::string signal = call.text("signal");
  if (!signal.empty()) TRY(engine::parse_signal_name(signal));
  TRY_DURING(context.engine.kill(call.parameter(0), signal), "Cannot kill container: {}", call.parameter(0));
  return call.send(204);
}

Result<void> pause_container(const Context& context, Call& call) {
  TRY(context.engine.pause(call.parameter(0)));
  return call.send(204);
}

Result<void> unpause_container(const Context& context, Call& call) {
  TRY(context.engine.unpause(call.parameter(0)));
  return call.send(204);
}

Result<void> rename_container(const Context& context, Call& call) {
  TRY(context.engine.rename(call.parameter(0), call.text("name")));
  return call.send(204);
}

Result<void> update_container(const Context& context, Call& call) {
  UpdateBody body = TRY(call.body<UpdateBody>());
  engine::UpdateRequest request{.resources = std::move(body.resources),
                                .restart_policy = std::move(body.restart_policy)};
  // docker sends an empty policy when it means to leave it alone.
  if (request.restart_policy && request.restart_policy->name.empty()) request.restart_policy.reset();
  return call.send_object(Warned{TRY(context.engine.update(call.parameter(0), request))});
}

Result<void> resize_container(const Context& context, Call& call) {
  const auto [rows, columns] = TRY(call.terminal_size());
  TRY(context.engine.resize(call.parameter(0), rows, columns));
  return call.send(200);
}

Result<void> remove_container(const Context& context, Call& call) {
  if (call.flag("link")) {
    TRY(context.engine.remove_link(call.parameter(0)));
    return call.send(204);
  }
  TRY(context.engine.remove(call.parameter(0), {.force = call.flag("force"), .volumes = call.flag("v")}));
  return call.send(204);
}

Result<void> prune_containers(const Context& context, Call& call) {
  const Filters filters = TRY(Filters::parse(call.text("filters"), {"label", "label!", "until"}));
  std::optional<std::int64_t> until;
  for (const std::string& text : filters.values("until")) until = TRY(parse_time(text, wall_clock_ns()));
  engine::Pruned pruned = TRY(context.engine.prune([&](const engine::ContainerRecord& record) {
    return filters.matches_labels(record.settings->config.labels) && (!until || record.created < *until);
  }));
  return call.send_object(PruneReport{std::move(pruned.ids), pruned.bytes});
}

}  // namespace

std::span<const Route> container_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/containers/create", create_container},
      {"POST", "/containers/prune", prune_containers},
      {"POST", "/containers/{id}/start", start_container},
      {"POST", "/containers/{id}/stop", stop_container},
      {"POST", "/containers/{id}/restart", restart_container},
      {"POST", "/containers/{id}/kill", kill_container},
      {"POST", "/containers/{id}/pause", pause_container},
      {"POST", "/containers/{id}/unpause", unpause_container},
      {"POST", "/containers/{id}/rename", rename_container},
      {"POST", "/containers/{id}/update", update_container},
      {"POST", "/containers/{id}/resize", resize_container},
      {"DELETE", "/containers/{id...}", remove_container},
  };
  return kRoutes;
}

}  // namespace gantry::docker
