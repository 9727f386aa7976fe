// SPDX-License-Identifier: Apache-2.0
//
// Volumes: list, inspect, create, remove, prune.
#include "engine/volumes.h"
#include "docker/call.h"
#include "docker/endpoints.h"
#include "docker/filters.h"
#include "docker/volume_views.h"
#include "engine/engine.h"
#include "engine/object_events.h"

namespace gantry::docker {
namespace {

using engine::Volume;
using engine::VolumeRef;

// ---- list, inspect

struct List {
  std::vector<VolumeView> volumes;
  std::vector<std::string> warnings;
};

void fields(json::Fields& f, List& list) {
  f("Volumes", list.volumes, json::Presence::Always);
  f("Warnings", list.warnings, json::Presence::Always);
}

Result<void> list(const Context& context, Call& call) {
  const Filters filters = TRY(Filters::parse(call.text("filters"), {"dangling", "driver", "label", "name"}));
  const engine::Volumes& volumes = context.engine.volumes();
  std::optional<bool> dangling;
  if (filters.has("dangling")) dangling = TRY(filters.flag("dangling", true));
  List list;
  for (const VolumeRef& volume : volumes.list())
    if (filters.matches("driver", volume->driver) && filters.matches_pattern("name", volume->name) &&
        filters.matches_labels(volume->labels) &&
        (!dangling || *dangling == volumes.users_of(volume->name).empty()))
      list.volumes.push_back(view_of(*volume));
  return call.send_object(list);
}

Result<void> inspect(const Context& context, Call& call) {
  return call.send_object(view_of(*TRY(context.engine.volumes().find(call.parameter(0)))));
}

// ---- create, remove, prune

Result<void> create(const Context& context, Call& call) {
  const auto created =
      TRY(context.engine.volumes().create(TRY(call.body<engine::VolumeRequest>(Call::Body::Optional))));
  if (created.is_new)
    engine::publish_volume_event(context.engine.events(), "create", created.volume->name,
                                 created.volume->driver);
  return call.send_object(view_of(*created.volume), 201);
}

Result<void> remove(const Context& context, Call& call) {
  const std::string& name = call.parameter(0);
  Result<void> removed = context.engine.volumes().remove(name);
  // `force` is for volumes that are not there: those in use stay.
  const bool was_gone = !removed && removed.error().code() == Code::NotFound;
  if (was_gone && call.flag("force")) return call.send(204);
  TRY(std::move(removed));
  engine::publish_volume_event(context.engine.events(), "destroy", name, "local");
  return call.send(204);
}

struct Pruned {
  std::vector<std::string> volumes;
  std::uint64_t bytes = 0;
};

void fields(json::Fields& f, Pruned& pruned) {
  f("VolumesDeleted", pruned.volumes, json::Presence::Always);
  f("SpaceReclaimed", pruned.bytes, json::Presence::Always);
}

// Before it, every volume without a user was pruned; since then those that nobody named, unless `all` is set.
constexpr ApiVersion kOnlyAnonymous{1, 42};

Result<void> prune(const Context& context, Call& call) {
  const Filters filters = TRY(Filters::parse(call.text("filters"), {"all", "label", "label!"}));
  const bool all = call.version < kOnlyAnonymous || TRY(filters.flag("all", false));
  auto pruned = TRY(context.engine.volumes().prune([&](const Volume& volume) {
    // One with options stands for something that is elsewhere; Docker leaves it alone, too.
    return (all || volume.is_anonymous()) && !volume.has_mount() && filters.matches_labels(volume.labels);
  }));
  for (const std::string& name : pruned.names)
    engine::publish_volume_event(context.engine.events(), "destroy", name, "local");
  context.engine.events().publish(
      {.type = "volume", .action = "prune", .attributes = {{"reclaimed", std::to_string(pruned.bytes)}}});
  return call.send_object(Pruned{.volumes = std::move(pruned.names), .bytes = pruned.bytes});
}

}  // namespace

std::span<const Route> volume_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/volumes", list},
      {"POST", "/volumes/create", create},
      {"POST", "/volumes/prune", prune},
      {"GET", "/volumes/{name}", inspect},
      {"DELETE", "/volumes/{name}", remove},
  };
  return kRoutes;
}

}  // namespace gantry::docker
