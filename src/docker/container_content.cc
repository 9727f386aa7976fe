// SPDX-License-Identifier: Apache-2.0
//
// What is in a container: its processes (/top), what it has changed (/changes), and an image of that
// (/commit).
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "docker/config_changes.h"
#include "docker/container_views.h"
#include "docker/endpoints.h"
#include "engine/changes.h"
#include "engine/commit.h"
#include "engine/container_events.h"
#include "engine/engine.h"
#include "engine/processes.h"
#include "oci/image/image_config.h"
#include "oci/image/reference.h"

namespace gantry::docker {

using enum json::Presence;

namespace {

Result<void> list_processes(const Context& context, Call& call) {
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  if (!record->state.is_running()) return error(Code::Conflict, "container {} is not running", record->id);
  if (record->state.status == engine::Status::Restarting)
    return error(Code::Conflict, "Container {} is restarting, wait until the container is running",
                 record->id);
  const auto pids = TRY(engine::processes_in(context.engine.paths(*record).cgroup));
  const engine::ProcessTable table = TRY(engine::list_processes(pids, call.text("ps_args")));
  engine::publish_event(context.engine.events(), *record, "top");
  return call.send_object(table);
}

struct ChangeView {
  std::string path;
  int kind = 0;  // 0 modified, 1 added, 2 deleted
};
void fields(json::Fields& f, ChangeView& change) {
  f("Path", change.path, Always);
  f("Kind", change.kind, Always);
}

Result<void> list_changes(const Context& context, Call& call) {
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  const auto parts = TRY(context.snapshots.parts(engine::Engine::snapshot_key(*record)));
  const auto left_out = engine::placeholders();
  std::vector<ChangeView> changes;
  for (image::Change& change : TRY(engine::container_changes(parts, left_out)))
    changes.push_back({std::move(change.path), static_cast<int>(change.kind)});
  return call.send_object(changes);
}

// ---- commit

// A container's settings as those of an image: what it was told stays, what the host gave it does not.
oci::ContainerConfig image_config_of(const container::Config& config) {
  return {.user = config.user,
          .exposed_ports = config.exposed_ports,
          .env = config.env,
          .entrypoint = config.entrypoint.value_or(container::Words()),
          .cmd = config.cmd,
          .volumes = config.volumes,
          .working_dir = config.working_dir,
          .labels = config.labels,
          .stop_signal = config.stop_signal,
          .stop_timeout = config.stop_timeout,
          .args_escaped = config.args_escaped,
          .healthcheck = config.healthcheck,
          .on_build = config.on_build,
          .shell = config.shell};
}

// What the body says goes over what the container has; lists and maps that it does not say are inherited.
Result<oci::ContainerConfig> commit_config(const container::Config& container,
                                           const container::Config& wanted) {
  container::Config merged = wanted;
  const auto inherit = [](auto& to, const auto& from) {
    if (to.empty()) to = from;
  };
  inherit(merged.user, container.user);
  inherit(merged.working_dir, container.working_dir);
  inherit(merged.stop_signal, container.stop_signal);
  inherit(merged.shell, container.shell);
  inherit(merged.on_build, container.on_build);
  if (!wanted.entrypoint) inherit(merged.cmd, container.cmd);
  if (!merged.entrypoint) merged.entrypoint = container.entrypoint;
  if (!merged.healthcheck) merged.healthcheck = container.healthcheck;
  if (!merged.stop_timeout) merged.stop_timeout = container.stop_timeout;
  merged.exposed_ports.insert(container.exposed_ports.begin(), container.exposed_ports.end());
  merged.volumes.insert(container.volumes.begin(), container.volumes.end());
  merged.labels.insert(container.labels.begin(), container.labels.end());
  for (const std::string& variable : container.env) {
    const std::string_view name = std::string_view(variable).substr(0, variable.find('=') + 1);
    if (std::ranges::none_of(merged.env, [&](const std::string& own) { return own.starts_with(name); }))
      merged.env.push_back(variable);
  }
  return image_config_of(merged);
}

struct Committed {
  std::string id;
};
void fields(json::Fields& f, Committed& committed) { f("Id", committed.id, Always); }

// Keeps a running container still while it lives.
class Pause {
 public:
  static Result<Pause> of(engine::Engine& engine, const engine::ContainerRecord& record) {
    if (record.state.status != engine::Status::Running) return Pause(nullptr, {});
    TRY(engine.pause(record.id));
    return Pause(&engine, record.id);
  }
  Pause(Pause&& other) noexcept : engine_(std::exchange(other.engine_, nullptr)), id_(std::move(other.id_)) {}
  Pause& operator=(Pause&&) = delete;
  ~Pause() {
    if (engine_ != nullptr) (void)engine_->unpause(id_);  // it may have been killed
  }

 private:
  Pause(engine::Engine* engine, std::string id) : engine_(engine), id_(std::move(id)) {}
  engine::Engine* engine_;
  std::string id_;
};

Result<std::string> name_of_commit(const Call& call) {
  const std::string repository = call.text("repo"), tag = call.text("tag");
  if (repository.empty()) return std::string();
  return TRY(oci::Reference::parse(tag.empty() ? repository : repository + ":" + tag)).str();
}

Result<void> commit_container(const Context& context, Call& call) {
  const container::Config wanted = TRY(call.body<container::Config>(Call::Body::Optional));
  const engine::ContainerRef record = TRY(context.engine.find(call.text("container")));
  const engine::ContainerSettings& settings = *record->settings;
  engine::CommitRequest request{.snapshot = engine::Engine::snapshot_key(*record),
                                .left_out = engine::placeholders(),
                                .author = call.text("author"),
                                .comment = call.text("comment"),
                                .created_by = fmt::format("{}", fmt::join(settings.command(), " "))};
  request.config = TRY(commit_config(settings.config, wanted));
  request.name = TRY(name_of_commit(call));
  TRY(apply_changes(call.query.all("changes"), request.config));
  if (!settings.image.empty()) request.base = TRY(oci::Digest::parse(settings.image));
  std::optional<Pause> pause;
  if (call.flag("pause", true)) pause.emplace(TRY(Pause::of(context.engine, *record)));
  const oci::Digest id = TRY(engine::commit(context.images, context.snapshots, request));
  engine::publish_event(context.engine.events(), *record, "commit");
  return call.send_object(Committed{id.str()}, 201);
}

}  // namespace

std::span<const Route> container_content_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/containers/{id}/top", list_processes},
      {"GET", "/containers/{id}/changes", list_changes},
      {"POST", "/commit", commit_container},
  };
  return kRoutes;
}

}  // namespace gantry::docker
