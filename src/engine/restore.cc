// SPDX-License-Identifier: Apache-2.0
#include "engine/restore.h"

#include <fcntl.h>

#include <set>
#include <utility>

#include "base/file.h"
#include "base/timestamp.h"
#include "container/blocking_shim_client.h"
#include "engine/container_events.h"
#include "engine/container_network.h"
#include "engine/container_paths.h"
#include "engine/end_container.h"
#include "engine/health_checks.h"
#include "engine/mounted_rootfs.h"
#include "engine/pods.h"
#include "engine/remove_container.h"
#include "engine/restore_networks.h"
#include "engine/runtime_program.h"
#include "engine/shim_launches.h"
#include "engine/start_container.h"

namespace gantry::engine {

using container::BlockingShimClient;
using std::chrono::milliseconds;

namespace {

constexpr std::string_view kOwnerPrefix = "container/";  // of snapshots and users of images

std::vector<std::string> names_or_none(const std::string& directory) {
  auto names = names_in(AT_FDCWD, directory);
  return names ? std::move(*names) : std::vector<std::string>();
}

// Of containers that run, and of starts and ends that were not finished.
std::set<std::string> ids_with_shims(Core& core) {
  const std::vector<std::string> names = names_or_none(shims_directory(core.options));
  return {names.begin(), names.end()};
}

void warn(Core& core, const char* what, const std::string& id, const Error& why) {
  core.log.warn("something of an earlier run could not be repaired",
                {{"what", what}, {"container", id}, {"error", why.message()}});
}

// ---- records

bool starts_with_daemon(const Container& container, const ContainerRecord& record) {
  return record.state.started != 0 && !record.state.is_running() &&
         container.restarts.starts_with_daemon(static_cast<int>(record.state.exit_code),
                                               record.state.stopped_by_hand);
}

// It has ended, and goes away with that.
bool should_be_gone(const ContainerRecord& record) {
  return record.settings->host_config.auto_remove && record.state.status == Status::Exited;
}

bool needs_check(const Container& container, const ContainerRecord& record, bool has_shim) {
  return has_shim || record.state.is_running() || record.state.status == Status::Restarting ||
         record.state.status == Status::Removing || should_be_gone(record) ||
         starts_with_daemon(container, record);
}

void use_volumes(Core& core, const ContainerRecord& record) {
  for (const MountPoint& mount : record.settings->mounts) {
    if (mount.type != "volume") continue;
    if (const auto used = core.volumes->add_user(mount.name, record.id); !used)
      warn(core, "volume", record.id, used.error());
  }
}

Result<void> load_containers(Core& core) {
  const std::set<std::string> with_shims = ids_with_shims(core);
  for (StoredContainer& stored : TRY(core.database.containers())) {
    auto container = std::make_shared<Container>(std::move(stored.record));
    const ContainerRef record = container->record();
    container->number = stored.number;
    container->is_unchecked = needs_check(*container, *record, with_shims.contains(record->id));
    TRY(core.containers.reserve_name(record->name, record->id));
    use_volumes(core, *record);
    core.containers.add(std::move(container));
  }
  return {};
}

// Sandboxes that are to stay: of what runs, or may.
std::vector<std::string> live_sandboxes(Core& core) {
  std::set<std::string> keys = ids_with_shims(core);
  for (const std::shared_ptr<Container>& container : core.containers.all())
    if (container->record()->state.is_running()) keys.insert(container->id());
  for (const std::shared_ptr<Pod>& pod : core.pods.all())
    if (pod->record()->is_running) keys.insert(pod->record()->id);
  return {keys.begin(), keys.end()};
}

// ---- one container

// It runs, and this engine did not know or has not met it yet.
void take_up(Core& core, const std::shared_ptr<Container>& container, BlockingShimClient shim) {
  const ContainerRef record = container->record();
  monitor_container(core, container, std::move(shim).release());
  for (const MountPoint& mount : record->settings->mounts)
    // It is mounted already: this only says that it is in use.
    if (mount.type == "volume") (void)core.volumes->mount(mount.name, record->id);
  for (const ExecRef& exec : core.execs.of_container(record->id))
    if (exec->status == ExecStatus::Running) container->monitor->watch_exec(exec->session);
  start_health_checks(core, container);
}

// A start that was killed when its program ran already: it counts.
Result<void> adopt(Core& core, const std::shared_ptr<Container>& container, BlockingShimClient shim,
                   pid_t pid) {
  ContainerRecord record = *container->record();
  record.state.status = Status::Running;
  record.state.pid = pid;
  record.state.started = wall_clock_ns();
  record.state.error.clear();
  ContainerNetworks networks = *record.networks;
  if (network_kind(*record.settings) == NetworkKind::Own)
    networks.sandbox_key = core.networks.sandbox_path(record.id);
  for (auto& [name, endpoint] : core.networks.endpoints_of(record.id))
    networks.endpoints.insert_or_assign(name, std::move(endpoint));
  TRY(core.database.save_run(container->number, record.state, networks));
  record.networks = std::make_shared<const ContainerNetworks>(std::move(networks));
  container->publish(record);
  clear_mount_point(paths_of(core.options, record).rootfs);
  publish_event(core.events, record, "start");
  take_up(core, container, std::move(shim));
  return {};
}

void repair_running(Core& core, const std::shared_ptr<Container>& container) {
  const ContainerRef record = container->record();
  auto shim = BlockingShimClient::connect(paths_of(core.options, *record).shim_socket);
  if (shim)
    take_up(core, container, std::move(*shim));
  else
    end_container(core, container, {});
}

bool runs(Core& core, const ContainerRecord& record) {
  const auto status = runtime_status(core, record);
  return status && (*status == "running" || *status == "paused");
}

void repair_stopped(Core& core, const std::shared_ptr<Container>& container) {
  const ContainerRef record = container->record();
  const ContainerPaths paths = paths_of(core.options, *record);
  if (!has_run_leftovers(core, *record)) return;
  wait_for_shim_launch(paths.shim_state);
  auto shim = BlockingShimClient::connect(paths.shim_socket);
  const auto status = shim ? shim->status() : Result<shim::Status>(std::move(shim).error());
  if (status && status->state == shim::State::Live && runs(core, *record)) {
    const auto adopted = adopt(core, container, std::move(*shim), static_cast<pid_t>(status->pid));
    if (adopted) return;
    warn(core, "record", record->id, adopted.error());
  }
  clean_up_run(core, *record);
}

void finish_removal(Core& core, const std::shared_ptr<Container>& container) {
  const ContainerRef record = container->record();
  clean_up_run(core, *record);
  const bool goes_with_volumes = record->settings->host_config.auto_remove;
  const auto removed = remove_container(
      core, *container, goes_with_volumes ? AnonymousVolumes::Remove : AnonymousVolumes::Keep);
  if (!removed) warn(core, "removal", record->id, removed.error());
}

void start_by_policy(Core& core, const std::shared_ptr<Container>& container) {
  core.delays.schedule("restart/" + container->id(), milliseconds(0), [&core, container] {
    MutexLock lock(container->changes());
    if (container->is_removed || container->record()->state.is_running()) return;
    (void)start_container(core, container, StartedBy::RestartPolicy);  // the record says why not
  });
}

// ---- what has no record

bool has_record(Core& core, const std::string& id) {
  return core.containers.is_known(id) || core.pods.find(id).has_value();
}

void remove_unrecorded(Core& core, const std::string& id) {
  if (const auto removed = remove_files(core, id); !removed) warn(core, "files", id, removed.error());
}

// To be called before somebody makes containers and pods.
std::vector<std::string> unrecorded_directories(Core& core) {
  std::vector<std::string> ids = names_or_none(containers_directory(core.options));
  std::erase_if(ids, [&](const std::string& id) { return has_record(core, id); });
  return ids;
}

// Those of containers, and those of images that they have mounted: "container/<id>",
// "container/<id>/<place>".
void remove_unrecorded_snapshots(Core& core) {
  const auto snapshots = core.snapshots.snapshots();
  if (!snapshots) return;
  for (const image::Snapshot& snapshot : *snapshots) {
    if (!snapshot.key.starts_with(kOwnerPrefix)) continue;
    const std::string id = snapshot.key.substr(
        kOwnerPrefix.size(), snapshot.key.find('/', kOwnerPrefix.size()) - kOwnerPrefix.size());
    if (has_record(core, id)) continue;
    if (const auto removed = core.snapshots.remove(snapshot.key); !removed)
      warn(core, "snapshot", id, removed.error());
    remove_unrecorded(core, id);
  }
}

void remove_unrecorded_shims(Core& core) {
  for (const std::string& id : ids_with_shims(core)) {
    if (has_record(core, id)) continue;
    ContainerRecord unknown{.id = id};
    unknown.settings = std::make_shared<const ContainerSettings>();
    unknown.networks = std::make_shared<const ContainerNetworks>();
    wait_for_shim_launch(paths_of(core.options, unknown).shim_state);
    clean_up_run(core, unknown);
  }
}

// Marks that are missing after a power loss are set again, those of containers that are gone are taken away.
void repair_image_users(Core& core) {
  const auto images = core.store.images();
  if (!images) return;
  std::set<std::string> marked;
  for (const image::Image& image : *images)
    for (const std::string& user : image.users) {
      if (!user.starts_with(kOwnerPrefix)) continue;
      const std::string id = user.substr(kOwnerPrefix.size());
      if (has_record(core, id))
        marked.insert(id);
      else
        (void)core.store.remove_user(image.id, user);  // or the next engine tries again
    }
  for (const std::shared_ptr<Container>& container : core.containers.all()) {
    const auto image = oci::Digest::parse(container->record()->settings->image);
    if (image && !marked.contains(container->id()))
      (void)core.store.add_user(*image, image_user_of(container->id()));  // removed by force meanwhile
  }
}

// A removal that was killed between its row and its files leaves a directory that nobody knows.
void collect_layers(Core& core) {
  if (const auto freed = core.snapshots.collect(); !freed)
    core.log.warn("layers not collected; the next prune tries again", {{"error", freed.error().message()}});
}

}  // namespace

Result<void> load_records(Core& core) {
  for (StoredPod& stored : TRY(core.database.pods())) {
    auto pod = std::make_shared<Pod>(stored.number, std::move(stored.record));
    TRY(check_pod_namespaces(core, *pod));
    TRY(core.pods.add(std::move(pod)));
  }
  TRY(load_containers(core));
  for (ExecRecord& exec : TRY(core.database.execs())) core.execs.put(std::move(exec));
  TRY(core.networks.reconcile(live_sandboxes(core)));
  restore_networks(core);
  return {};
}

void repair(Core& core, const std::shared_ptr<Container>& container) {
  if (!std::exchange(container->is_unchecked, false)) return;
  switch (container->record()->state.status) {
    case Status::Running:
    case Status::Paused: repair_running(core, container); break;
    case Status::Removing: finish_removal(core, container); return;
    case Status::Created:
    case Status::Restarting:
    case Status::Exited:
    case Status::Dead: repair_stopped(core, container); break;
  }
  if (container->is_removed) return;
  const ContainerRef record = container->record();
  if (should_be_gone(*record)) return finish_removal(core, container);
  if (record->state.status == Status::Restarting || starts_with_daemon(*container, *record))
    start_by_policy(core, container);
}

void repair_all(Core& core) {
  // Volumes that no running container has any more are unmounted when all of these have said what they have.
  const std::shared_ptr<void> last(nullptr, [&core](void*) { core.volumes->unmount_unused(); });
  for (const std::shared_ptr<Container>& container : core.containers.all()) {
    MutexLock lock(container->changes());
    if (!container->is_unchecked) continue;
    core.later([&core, container, last] {
      MutexLock task_lock(container->changes());
      repair(core, container);
    });
  }
  core.later([&core, directories = unrecorded_directories(core)] {
    for (const std::string& id : directories) remove_unrecorded(core, id);
    remove_unrecorded_snapshots(core);
    remove_unrecorded_shims(core);
    repair_image_users(core);
    collect_layers(core);
  });
}

}  // namespace gantry::engine
