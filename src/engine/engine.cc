// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/file.h"
#include "container/blocking_shim_client.h"
#include "engine/attach_shim.h"
#include "engine/change_container.h"
#include "engine/container_events.h"
#include "engine/container_network.h"
#include "engine/container_paths.h"
#include "engine/core.h"
#include "engine/create_container.h"
#include "engine/engine_state.h"
#include "engine/execs.h"
#include "engine/links.h"
#include "engine/locked_container.h"
#include "engine/missing_events.h"
#include "engine/remove_container.h"
#include "engine/restore.h"
#include "engine/start_container.h"
#include "engine/stop_container.h"

namespace gantry::engine {

namespace {

// An engine that was killed while it started a program holds its locks until that program has begun.
constexpr std::chrono::seconds kLockPatience{2};

Result<UniqueFd> lock_directory(const std::string& directory) {
  UniqueFd lock = TRY(open_at(AT_FDCWD, directory + "/engine.lock", O_RDWR | O_CREAT, 0600));
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) return sys_error("lock '{}'", directory);
    if (std::chrono::steady_clock::now() > deadline)
      return error(Code::Conflict, "another engine works in '{}'", directory);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return lock;
}

Result<void> make_engine_directories(const EngineOptions& options) {
  // What containers see of them they see as other users, too: their own files' modes protect them.
  for (const std::string& directory : {options.root, options.run}) TRY(make_directories(directory, 0711));
  TRY(make_directories(containers_directory(options), 0711));
  for (const std::string& directory :
       {shims_directory(options), rootfs_directory(options), runtime_root(options)})
    TRY(make_directories(directory, 0700));
  // The first process of a container with a user namespace finds its root there by itself.
  const mode_t mode = options.id_maps.uids.empty() ? 0700 : 0711;
  if (::chmod(rootfs_directory(options).c_str(), mode) < 0)
    return sys_error("set the mode of '{}'", rootfs_directory(options));
  return {};
}

Result<void> stop_for_removal(Core& core, const std::shared_ptr<Container>& container, bool force) {
  const ContainerRef record = container->record();
  const Status status = record->state.status;
  if (!record->state.is_running() && status != Status::Restarting) return {};
  if (!force) {
    const char* hint = status == Status::Paused
                           ? "container is paused and must be unpaused first"
                           : "container is running: stop the container before removing or force remove";
    return error(Code::Conflict, "cannot remove container \"/{}\": {}", record->name, hint);
  }
  TRY(stop_container(core, container, {.signal = "SIGKILL"}));
  return {};
}

// By force it is killed, also when somebody starts it between that and the lock.
Result<LockedContainer> lock_for_removal(Core& core, const std::shared_ptr<Container>& container,
                                         bool force) {
  constexpr int kRounds = 10;
  for (int round = 1;; ++round) {
    TRY(stop_for_removal(core, container, force));
    LockedContainer locked = TRY(LockedContainer::find(core, container->id()));
    if (!locked->record()->state.is_running()) return locked;
    if (!force || round == kRounds)
      return error(Code::Conflict, "container '{}' was started again meanwhile", locked->record()->name);
  }
}

std::optional<WaitResult> result_if(const ContainerRecord& record, WaitCondition condition) {
  const bool runs = record.state.is_running() || record.state.status == Status::Restarting;
  if (condition == WaitCondition::NotRunning && !runs)
    return WaitResult{.exit_code = record.state.exit_code, .error = {}};
  return std::nullopt;
}

}  // namespace

// ---- beginning and end

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::start(EngineOptions options, image::ImageStore& store,
                                              image::Snapshots& snapshots, network::Networks& networks,
                                              const Logger& log) {
  TRY(make_engine_directories(options));
  UniqueFd root_lock = TRY(lock_directory(options.root));
  UniqueFd run_lock = TRY(lock_directory(options.run));
  EngineDatabase database = TRY(EngineDatabase::open(options.root + "/engine.db"));
  auto volumes = TRY(Volumes::open(options.root));
  auto loop = TRY(LoopThread::start("engine"));
  const auto facts = TRY(container::HostFacts::read());
  std::unique_ptr<State> state(new State{.root_lock = std::move(root_lock),
                                         .run_lock = std::move(run_lock),
                                         .core = Core({.options = std::move(options),
                                                       .facts = facts,
                                                       .database = std::move(database),
                                                       .volumes = std::move(volumes),
                                                       .loop = std::move(loop)},
                                                      store, snapshots, networks, log)});
  TRY(state->core.events.keep_in(state->core.options.run));
  TRY(load_records(state->core));
  publish_missing_events(state->core);
  repair_all(state->core);
  return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

// ---- containers

Result<CreateResult> Engine::create(CreateRequest request) {
  return create_container(state_->core, std::move(request));
}

Result<bool> Engine::start(std::string_view ref) {
  const LockedContainer container = TRY(LockedContainer::find(state_->core, ref));
  if (container->record()->state.status == Status::Running) return false;
  TRY(start_container(state_->core, container.shared(), StartedBy::Request));
  return true;
}

Result<bool> Engine::stop(std::string_view ref, const StopOptions& options) {
  return stop_container(state_->core, TRY(find_checked(state_->core, ref)), options);
}

Result<void> Engine::restart(std::string_view ref, const StopOptions& options) {
  Core& core = state_->core;
  const std::shared_ptr<Container> container = TRY(find_checked(core, ref));
  TRY(LockedContainer::find(core, container->id()))->stays_at_end = true;
  Result<bool> has_stopped = stop_container(core, container, options);
  const LockedContainer stopped = TRY(LockedContainer::find(core, container->id()));
  stopped->stays_at_end = false;
  TRY(std::move(has_stopped));
  if (stopped->record()->state.status != Status::Running)
    TRY(start_container(core, stopped.shared(), StartedBy::Request));
  publish_event(core.events, *stopped->record(), "restart");
  return {};
}

Result<void> Engine::kill(std::string_view ref, std::string_view signal) {
  return kill_container(state_->core, TRY(find_checked(state_->core, ref)), signal);
}

Result<void> Engine::pause(std::string_view ref) {
  const LockedContainer container = TRY(LockedContainer::find(state_->core, ref));
  return pause_container(state_->core, *container);
}

Result<void> Engine::unpause(std::string_view ref) {
  const LockedContainer container = TRY(LockedContainer::find(state_->core, ref));
  return unpause_container(state_->core, *container);
}

Result<void> Engine::rename(std::string_view ref, std::string_view name) {
  const LockedContainer container = TRY(LockedContainer::find(state_->core, ref));
  return rename_container(state_->core, *container, name);
}

Result<std::vector<std::string>> Engine::update(std::string_view ref, const UpdateRequest& request) {
  const LockedContainer container = TRY(LockedContainer::find(state_->core, ref));
  return update_container(state_->core, *container, request);
}

Result<void> Engine::remove(std::string_view ref, const RemoveOptions& options) {
  Core& core = state_->core;
  const std::shared_ptr<Container> found = TRY(find_checked(core, ref));
  auto container = lock_for_removal(core, found, options.force);
  // It removed itself when it ended.
  if (!container && container.error().code() == Code::NotFound && options.force) return {};
  if (!container) return std::move(container).error();
  return remove_container(core, **container,
                          options.volumes ? AnonymousVolumes::Remove : AnonymousVolumes::Keep);
}

Result<Pruned> Engine::prune(const std::function<bool(const ContainerRecord&)>& matches) {
  Pruned pruned;
  for (const std::shared_ptr<Container>& candidate : state_->core.containers.all()) {
    const auto container = LockedContainer::find(state_->core, candidate->id());
    if (!container) continue;
    const ContainerRef record = candidate->record();
    const Status status = record->state.status;
    if (record->state.is_running() || status == Status::Restarting || !matches(*record)) continue;
    const auto usage = state_->core.snapshots.usage(snapshot_key_of(record->id));
    TRY(remove_container(state_->core, **container, AnonymousVolumes::Keep));
    pruned.ids.push_back(record->id);
    if (usage) pruned.bytes += usage->bytes;
  }
  return pruned;
}

Result<ContainerRef> Engine::find(std::string_view ref) const {
  return TRY(state_->core.find(ref))->record();
}

std::vector<std::string> Engine::links_of(const ContainerRecord& container) const {
  return link_texts(state_->core, container);
}

std::map<std::string, std::vector<std::string>> Engine::link_names() const {
  return engine::link_names(state_->core);
}

Result<void> Engine::remove_link(std::string_view name) {
  TRY(state_->core.find(name));
  if (name.starts_with('/')) name.remove_prefix(1);
  const std::size_t slash = name.find('/');
  if (slash == name.npos)
    return error(Code::Conflict, "Conflict, cannot remove the default link name of the container");
  const auto parent = LockedContainer::find(state_->core, name.substr(0, slash));
  if (!parent)
    return error(parent.error().code(), "Cannot get parent /{} for link name /{}", name.substr(0, slash),
                 name);
  return engine::remove_link(state_->core, **parent, name.substr(slash + 1));
}

std::vector<ContainerRef> Engine::list() const {
  std::vector<ContainerRef> records;
  for (const std::shared_ptr<Container>& container : state_->core.containers.all())
    records.push_back(container->record());
  std::ranges::sort(records, std::greater(), [](const ContainerRef& record) { return record->created; });
  return records;
}

ContainerPaths Engine::paths(const ContainerRecord& container) const {
  return paths_of(state_->core.options, container);
}

Result<Subscription> Engine::wait(std::string_view ref, WaitCondition condition, WaitCallback callback) {
  const std::shared_ptr<Container> container = TRY(find_checked(state_->core, ref));
  return container->waits.add(condition, std::move(callback),
                              [&] { return result_if(*container->record(), condition); });
}

// ---- streams

Result<Subscription> Engine::attach(std::string_view ref, const AttachRequest& request,
                                    AttachCallback callback) {
  const LockedContainer container = TRY(LockedContainer::find(state_->core, ref));
  const ContainerRef record = container->record();
  if (record->state.status == Status::Paused)
    return error(Code::Conflict, "Container {} is paused, unpause the container before attach.", record->id);
  if (!record->state.is_running()) return container->attaches.add(request, std::move(callback));
  callback(attach_shim(paths(*record).shim_socket, record->settings->config, request));
  return Subscription();
}

Result<void> Engine::resize(std::string_view ref, std::uint16_t rows, std::uint16_t columns) {
  const ContainerRef record = TRY(find(ref));
  if (!record->state.is_running()) return error(Code::Conflict, "Container {} is not running", record->id);
  auto shim = TRY(container::BlockingShimClient::connect(paths(*record).shim_socket));
  return shim.resize(shim::kContainerSession, {.rows = rows, .columns = columns});
}

Result<std::string> Engine::exec_create(std::string_view ref, ExecConfig config) {
  return create_exec(state_->core, ref, std::move(config));
}

Result<Attachment> Engine::exec_start(std::string_view id, const ExecStart& start) {
  return start_exec(state_->core, id, start);
}

Result<void> Engine::exec_resize(std::string_view id, std::uint16_t rows, std::uint16_t columns) {
  return resize_exec(state_->core, id, rows, columns);
}

Result<ExecRef> Engine::exec_inspect(std::string_view id) const { return state_->core.execs.find(id); }

std::vector<ExecRef> Engine::execs_of(const ContainerRecord& container) const {
  return state_->core.execs.of_container(container.id);
}

// ---- networks

Result<void> Engine::connect(std::string_view network, std::string_view ref,
                             network::EndpointSettings settings) {
  const LockedContainer container = TRY(LockedContainer::find(state_->core, ref));
  return connect_container(state_->core, *container, network, std::move(settings));
}

Result<void> Engine::disconnect(std::string_view network, std::string_view ref, bool force) {
  const LockedContainer container = TRY(LockedContainer::find(state_->core, ref));
  return disconnect_container(state_->core, *container, network, force);
}

Result<std::string> Engine::sandbox_of(std::string_view ref) const {
  return engine::sandbox_of(state_->core, *TRY(find(ref)));
}

// ---- what belongs to it

const EngineOptions& Engine::options() const { return state_->core.options; }
const HealthCheckCounts& Engine::health_check_counts() const { return state_->core.health_check_counts; }
Events& Engine::events() { return state_->core.events; }
Volumes& Engine::volumes() { return *state_->core.volumes; }
network::Networks& Engine::networks() { return state_->core.networks; }
image::ImageStore& Engine::store() { return state_->core.store; }
image::Snapshots& Engine::snapshots() { return state_->core.snapshots; }
std::string Engine::snapshot_key(const ContainerRecord& container) { return snapshot_key_of(container.id); }

}  // namespace gantry::engine
