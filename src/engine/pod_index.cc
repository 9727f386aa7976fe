// SPDX-License-Identifier: Apache-2.0
#include "engine/pod_index.h"

namespace gantry::engine {

Result<void> PodIndex::add(std::shared_ptr<Pod> pod) {
  const PodRef record = pod->record();
  MutexLock lock(mutex_);
  if (const auto other = named(record->name))
    return error(Code::Conflict, "the pod name '{}' is already in use by pod '{}'", record->name,
                 other->record()->id);
  by_id_.emplace(record->id, std::move(pod));
  return {};
}

void PodIndex::remove(const std::string& id) {
  MutexLock lock(mutex_);
  by_id_.erase(id);
}

std::shared_ptr<Pod> PodIndex::named(std::string_view name) const {
  for (const auto& [id, pod] : by_id_)
    if (pod->record()->name == name) return pod;
  return nullptr;
}

Result<std::shared_ptr<Pod>> PodIndex::find(std::string_view ref) const {
  MutexLock lock(mutex_);
  if (const auto found = by_id_.find(ref); found != by_id_.end()) return found->second;
  if (auto found = named(ref)) return found;
  const auto first = by_id_.lower_bound(ref);
  if (ref.empty() || first == by_id_.end() || !first->first.starts_with(ref))
    return error(Code::NotFound, "No such pod: {}", ref);
  if (const auto second = std::next(first); second != by_id_.end() && second->first.starts_with(ref))
    return error(Code::Conflict, "several pods have ids that begin with '{}'", ref);
  return first->second;
}

std::vector<std::shared_ptr<Pod>> PodIndex::all() const {
  std::vector<std::shared_ptr<Pod>> pods;
  MutexLock lock(mutex_);
  for (const auto& [id, pod] : by_id_) pods.push_back(pod);
  return pods;
}

}  // namespace gantry::engine
