// SPDX-License-Identifier: Apache-2.0
//
// Engine: the root file systems of containers.
#include <fcntl.h>

#include <utility>

#include "base/file.h"
#include "engine/container_paths.h"
#include "engine/container_root.h"
#include "engine/engine_state.h"
#include "engine/image_mounts.h"
#include "engine/locked_container.h"
#include "engine/stopped_root.h"
#include "engine/user_namespace.h"
#include "engine/volume_mounts.h"

namespace gantry::engine {

namespace {

// What is mounted for it goes back to its volumes when nobody looks at it any more.
class UsedMounts {
 public:
  UsedMounts(Core& core, ContainerRef record) : core_(core), record_(std::move(record)) {}
  UsedMounts(const UsedMounts&) = delete;
  UsedMounts& operator=(const UsedMounts&) = delete;
  ~UsedMounts() { release_mounts(record_->id, record_->settings->mounts, scratch(), *core_.volumes); }

  Result<std::vector<oci::Mount>> resolve() const {
    return resolve_mounts(record_->id, *record_->settings, scratch(),
                          {.volumes = *core_.volumes, .mount_image = image_mounter(core_, record_->id)});
  }

 private:
  std::string scratch() const { return paths_of(core_.options, *record_).scratch; }

  Core& core_;
  const ContainerRef record_;
};

}  // namespace

struct Engine::Rootfs::State {
  kernel::IdMaps id_maps;
  UniqueFd live;
  std::optional<LockedContainer> container;  // one that does not run: nobody starts it meanwhile
  std::optional<UsedMounts> mounts;
  std::optional<StoppedRoot> stopped;  // goes before what is mounted in it
};

Engine::Rootfs::Rootfs(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::Rootfs::Rootfs(Rootfs&&) noexcept = default;
Engine::Rootfs::~Rootfs() = default;

bool Engine::Rootfs::is_live() const { return !state_->stopped; }

const kernel::IdMaps& Engine::Rootfs::id_maps() const { return state_->id_maps; }

int Engine::Rootfs::directory() const {
  return is_live() ? state_->live.get() : state_->stopped->directory();
}

Result<Engine::Rootfs> Engine::open_rootfs(std::string_view ref) {
  Core& core = state_->core;
  auto state = std::make_unique<Rootfs::State>();
  LockedContainer container = TRY(LockedContainer::find(core, ref));
  const ContainerRef record = container->record();
  state->id_maps = id_maps_of(*record->settings);
  if (record->state.is_running()) {
    // Under the lock, so that the pid is not another process's yet.
    state->live =
        TRY(open_at(AT_FDCWD, fmt::format("/proc/{}/root", record->state.pid), O_PATH | O_DIRECTORY));
    return Rootfs(std::move(state));
  }
  state->container.emplace(std::move(container));
  state->mounts.emplace(core, record);
  const auto writable =
      record->settings->host_config.readonly_rootfs ? StoppedRoot::Writable::No : StoppedRoot::Writable::Yes;
  kernel::OverlayMount root = TRY(mount_root(core, *record));
  state->stopped.emplace(
      TRY(StoppedRoot::make(std::move(root.mount), TRY(state->mounts->resolve()), writable, state->id_maps)));
  return Rootfs(std::move(state));
}

}  // namespace gantry::engine
