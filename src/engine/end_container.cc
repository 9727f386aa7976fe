// SPDX-License-Identifier: Apache-2.0
#include "engine/end_container.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "base/file.h"
#include "base/process.h"
#include "base/timestamp.h"
#include "container/blocking_shim_client.h"
#include "container/exit_record.h"
#include "engine/container_events.h"
#include "engine/container_network.h"
#include "engine/container_paths.h"
#include "engine/health_checks.h"
#include "engine/mounted_rootfs.h"
#include "engine/remove_container.h"
#include "engine/runtime_program.h"
#include "engine/start_container.h"
#include "engine/user_namespace.h"
#include "engine/volume_mounts.h"

namespace gantry::engine {

using std::chrono::milliseconds;

namespace {

// A full disk is asked as often whether there is room again.
constexpr milliseconds kRecordInterval{1000};

// What is reported when nobody knows: the shim was killed, and the kernel told its adopter instead.
constexpr std::int64_t kUnknownExit = 137;

TimeNs time_of(const shim::ExitStatus& exit) {
  return exit.seconds * std::int64_t{1'000'000'000} + exit.nanoseconds;
}

void set_end(ContainerState& state, const RunEnd& end) {
  state.pid = 0;
  state.status = Status::Exited;
  state.exit_code = end.exit ? std::int64_t{end.exit->code} : kUnknownExit;
  state.oom_killed = end.exit && end.exit->oom_killed;
  state.finished = end.exit ? time_of(*end.exit) : wall_clock_ns();
  state.health = nullptr;
  if (!end.exit) state.error = "the container's shim was killed: how the container ended is not known";
}

// The delay before it is started again, if it is.
std::optional<milliseconds> decide_restart(Container& container, const ContainerState& state) {
  const auto ran_for =
      std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds(state.finished - state.started));
  return container.restarts.on_exit(
      {.code = static_cast<int>(state.exit_code), .ran_for = ran_for, .was_stopped = state.stopped_by_hand});
}

void remove_shim(Core& core, const ContainerRecord& container) {
  const ContainerPaths paths = paths_of(core.options, container);
  auto shim = container::BlockingShimClient::connect(paths.shim_socket);
  // Without a shim there may still be what it had the runtime make.
  if (!shim || !shim->remove(shim::kContainerSession, true)) force_delete(core, container);
}

// The last step: while this directory is there, an engine knows that something of a run may be left.
void forget_run(Core& core, const ContainerRecord& container) {
  (void)remove_tree_at(AT_FDCWD, paths_of(core.options, container).shim_state);  // or the next start does
}

void release_mounts_of(Core& core, const ContainerRecord& container) {
  const ContainerPaths paths = paths_of(core.options, container);
  clear_mount_point(paths.rootfs);
  clear_mount_point(paths.shared_memory);
  if (has_user_namespace(*container.settings)) remove_user_namespace(paths.user_namespace);
  release_mounts(container.id, container.settings->mounts, paths.scratch, *core.volumes);
}

void log_failure(Core& core, const ContainerRecord& container, const char* what, const Result<void>& result) {
  if (!result)
    core.log.warn("after a container's end something could not be given back; the next start tries again",
                  {{"container", container.id}, {"what", what}, {"error", result.error().message()}});
}

void schedule_restart(Core& core, const std::shared_ptr<Container>& container, milliseconds delay) {
  core.delays.schedule("restart/" + container->id(), delay, [&core, container] {
    MutexLock lock(container->changes());
    if (container->is_removed || container->record()->state.status != Status::Restarting) return;
    (void)start_container(core, container, StartedBy::RestartPolicy);  // the record says why not
  });
}

void remove_if_asked(Core& core, Container& container) {
  const ContainerRef record = container.record();
  if (record->settings->host_config.auto_remove && !container.stays_at_end)
    log_failure(core, *record, "container", remove_container(core, container, AnonymousVolumes::Remove));
}

// Until then the shim keeps the exit: should this engine be killed, the next one asks for it.
void record_end_later(Core& core, const std::shared_ptr<Container>& container) {
  core.delays.schedule("end/" + container->id(), kRecordInterval, [&core, container, run = container->run] {
    MutexLock lock(container->changes());
    if (container->is_removed || container->run != run) return;
    const ContainerRef record = container->record();
    if (!core.database.save_run(container->number, record->state, *record->networks))
      return record_end_later(core, container);
    clean_up_run(core, *record);
    if (record->state.status == Status::Exited) remove_if_asked(core, *container);
  });
}

}  // namespace

bool has_run_leftovers(Core& core, const ContainerRecord& container) {
  return ::access(paths_of(core.options, container).shim_state.c_str(), F_OK) == 0;
}

void clean_up_run(Core& core, const ContainerRecord& container) {
  remove_shim(core, container);
  log_failure(core, container, "network", remove_networks(core, container));
  release_mounts_of(core, container);
  forget_run(core, container);
}

void on_run_end(Core& core, const std::shared_ptr<Container>& container, std::uint64_t run, RunEnd end) {
  MutexLock lock(container->changes());
  if (container->is_removed || container->run != run) return;
  if (container->record()->state.is_running()) end_container(core, container, end);
}

void end_container(Core& core, const std::shared_ptr<Container>& container, RunEnd end) {
  ContainerRecord record = *container->record();
  container->monitor.reset();
  stop_health_checks(core, *container);
  if (!end.exit) {
    const auto left = container::read_exit_record(paths_of(core.options, record).shim_state);
    if (left && *left) end.exit = (*left)->status;
  }
  set_end(record.state, end);
  const auto delay = decide_restart(*container, record.state);
  if (delay) {
    record.state.status = Status::Restarting;
    record.state.restart_count = container->restarts.count();
  }
  log_failure(core, record, "network", remove_networks(core, record));
  record.networks = std::make_shared<ContainerNetworks>(without_addresses(*record.networks));
  // From here on the exit is ours to keep; the shim may forget it.
  const auto saved = core.database.save_run(container->number, record.state, *record.networks);
  if (!saved)
    core.log.error("a container's end could not be recorded; it is tried again",
                   {{"container", record.id}, {"error", saved.error().message()}});
  container->publish(record);
  end_execs(core, record);
  publish_end(core.events, record);
  container->waits.ended({.exit_code = record.state.exit_code});
  if (saved) remove_shim(core, record);
  container->root.reset();
  release_mounts_of(core, record);
  publish_mount_events(core.events, record, "unmount");
  if (saved)
    forget_run(core, record);
  else
    record_end_later(core, container);
  if (delay)
    schedule_restart(core, container, *delay);
  else
    remove_if_asked(core, *container);
}

}  // namespace gantry::engine
