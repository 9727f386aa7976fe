// SPDX-License-Identifier: Apache-2.0
//
// Files in and out of containers as tar: /containers/{id}/archive (`docker cp`) and /containers/{id}/export.
#include <fcntl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/file.h"
#include "container/user.h"
#include "docker/endpoints.h"
#include "engine/container_events.h"
#include "engine/copy_archive.h"
#include "engine/engine.h"
#include "engine/export.h"
#include "image/snapshots.h"
#include "kernel/mount.h"
#include "kernel/overlay.h"
#include "kernel/rooted_path.h"

namespace gantry::docker {
namespace {

Result<std::string> path_in(const Call& call) {
  std::string path = call.text("path");
  if (path.empty())
    return error(Code::InvalidArgument, "missing or empty value for required parameter 'path'");
  if (path.find('\0') != path.npos)
    return error(Code::InvalidArgument, "invalid value for 'path': it holds a NUL byte");
  return path;
}

void tell_stat(Call& call, const engine::PathStat& stat) {
  call.response.headers.set("X-Docker-Container-Path-Stat", to_base64(json::encode(stat)));
}

Result<void> stat_archive(const Context& context, Call& call) {
  const std::string path = TRY(path_in(call));
  const auto root = TRY(context.engine.open_rootfs(call.parameter(0)));
  tell_stat(call, TRY(engine::stat_path(root.directory(), path)));
  return call.send(200);
}

Result<void> get_archive(const Context& context, Call& call) {
  const std::string path = TRY(path_in(call));
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  const auto root = TRY(context.engine.open_rootfs(record->id));
  tell_stat(call, TRY(engine::stat_path(root.directory(), path)));
  call.response.headers.set("Content-Type", "application/x-tar");
  TRY(call.response.start(200));
  TRY(engine::copy_out(root.directory(), path, call.response, {.id_maps = root.id_maps()}));
  engine::publish_event(context.engine.events(), *record, "archive-path");
  return {};
}

// With `copyUIDGID` everything belongs to whom the container runs as, if it says so.
Result<std::optional<std::pair<uid_t, gid_t>>> owner_in(const engine::Engine::Rootfs& root,
                                                        const engine::ContainerRecord& record) {
  const std::string& user = record.settings->config.user;
  if (user.empty()) return std::optional<std::pair<uid_t, gid_t>>();
  const kernel::RootDir top(TRY(open_at(root.directory(), ".", O_PATH | O_DIRECTORY)));
  const container::ContainerUser found = TRY(container::find_user(top, user));
  return std::optional(std::pair<uid_t, gid_t>(found.uid, found.gid));
}

Result<void> put_archive(const Context& context, Call& call) {
  const std::string path = TRY(path_in(call));
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  const auto root = TRY(context.engine.open_rootfs(record->id));
  engine::CopyInOptions options{.no_overwrite_dir_non_dir = call.flag("noOverwriteDirNonDir"),
                                .id_maps = root.id_maps()};
  if (call.flag("copyUIDGID")) options.owner = TRY(owner_in(root, *record));
  TRY(engine::copy_in(root.directory(), path, call.request.body(), options));
  engine::publish_event(context.engine.events(), *record, "extract-to-dir");
  return call.send(200);
}

// The image and what the container has written over it, read-only: without what is mounted in it.
Result<kernel::DetachedMount> merged_layers(const Context& context, const engine::ContainerRecord& record) {
  const auto parts = TRY(context.snapshots.parts(engine::Engine::snapshot_key(record)));
  std::vector<int> layers = {parts.upper.get()};
  for (const UniqueFd& lower : parts.lowers) layers.push_back(lower.get());
  return TRY(kernel::mount_overlay({.lowers = std::move(layers)})).mount;
}

Result<void> export_container(const Context& context, Call& call) {
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  const kernel::DetachedMount root = TRY(merged_layers(context, *record));
  call.response.headers.set("Content-Type", "application/octet-stream");
  TRY(call.response.start(200));
  TRY(engine::export_root(root.fd(), call.response));
  engine::publish_event(context.engine.events(), *record, "export");
  return {};
}

}  // namespace

std::span<const Route> archive_routes() {
  static constexpr Route kRoutes[] = {
      {"HEAD", "/containers/{id}/archive", stat_archive},
      {"GET", "/containers/{id}/archive", get_archive},
      {"PUT", "/containers/{id}/archive", put_archive},
      {"GET", "/containers/{id}/export", export_container},
  };
  return kRoutes;
}

}  // namespace gantry::docker
