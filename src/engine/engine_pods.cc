// SPDX-License-Identifier: Apache-2.0
//
// Engine: pods.
#include <utility>

#include "engine/engine_state.h"
#include "engine/locked_container.h"
#include "engine/pods.h"
#include "engine/remove_container.h"
#include "engine/start_container.h"
#include "engine/stop_container.h"

namespace gantry::engine {

namespace {

Error no_such_pod(std::string_view ref) { return error(Code::NotFound, "No such pod: {}", ref); }

Result<bool> start_if_stopped(Core& core, const std::string& id) {
  const LockedContainer container = TRY(LockedContainer::find(core, id));
  if (container->record()->state.is_running()) return false;
  TRY(start_container(core, container.shared(), StartedBy::Request));
  return true;
}

// The last that was made ends first.
Result<bool> stop_all(Core& core, const std::string& pod, const StopOptions& options) {
  bool has_stopped = false;
  auto containers = containers_of_pod(core, pod);
  for (auto container = containers.rbegin(); container != containers.rend(); ++container)
    has_stopped |= TRY(stop_container(core, *container, options));
  return has_stopped;
}

}  // namespace

Result<CreateResult> Engine::create_pod(std::string_view name, PodSettings settings) {
  return engine::create_pod(state_->core, name, std::move(settings));
}

Result<bool> Engine::start_pod(std::string_view ref) {
  Core& core = state_->core;
  const std::shared_ptr<Pod> pod = TRY(core.pods.find(ref));
  MutexLock lock(pod->changes());
  if (pod->is_removed) return no_such_pod(ref);
  bool has_started = !pod->record()->is_running;
  TRY(start_pod_namespaces(core, *pod));
  for (const std::shared_ptr<Container>& container : containers_of_pod(core, pod->record()->id))
    has_started |= TRY(start_if_stopped(core, container->id()));
  return has_started;
}

Result<bool> Engine::stop_pod(std::string_view ref, const StopOptions& options) {
  Core& core = state_->core;
  const std::shared_ptr<Pod> pod = TRY(core.pods.find(ref));
  MutexLock lock(pod->changes());
  if (pod->is_removed) return no_such_pod(ref);
  const bool has_stopped = TRY(stop_all(core, pod->record()->id, options)) || pod->record()->is_running;
  TRY(stop_pod_namespaces(core, *pod));
  return has_stopped;
}

Result<void> Engine::remove_pod(std::string_view ref, const RemoveOptions& options) {
  Core& core = state_->core;
  const std::shared_ptr<Pod> pod = TRY(core.pods.find(ref));
  MutexLock lock(pod->changes());
  if (pod->is_removed) return no_such_pod(ref);
  const PodRef record = pod->record();
  const auto containers = containers_of_pod(core, record->id);
  for (const std::shared_ptr<Container>& container : containers)
    if (!options.force && container->record()->state.is_running())
      return error(Code::Conflict,
                   "cannot remove pod '{}': container '{}' is running: stop the pod before, or force",
                   record->name, container->record()->name);
  // The last that was made first, as they are stopped.
  for (auto container = containers.rbegin(); container != containers.rend(); ++container)
    if (auto removed = remove((*container)->id(), options);
        !removed && removed.error().code() != Code::NotFound)  // it removed itself when it ended
      return removed;
  return forget_pod(core, *pod);
}

Result<PodRef> Engine::find_pod(std::string_view ref) const {
  return TRY(state_->core.pods.find(ref))->record();
}

std::vector<PodRef> Engine::pods() const {
  std::vector<PodRef> records;
  for (const std::shared_ptr<Pod>& pod : state_->core.pods.all()) records.push_back(pod->record());
  return records;
}

std::vector<ContainerRef> Engine::containers_of(const PodRecord& pod) const {
  std::vector<ContainerRef> records;
  for (const std::shared_ptr<Container>& container : containers_of_pod(state_->core, pod.id))
    records.push_back(container->record());
  return records;
}

}  // namespace gantry::engine
