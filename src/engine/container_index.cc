// SPDX-License-Identifier: Apache-2.0
#include "engine/container_index.h"

#include <algorithm>
#include <utility>

#include "engine/names.h"

namespace gantry::engine {

Result<void> ContainerIndex::reserve_name(const std::string& name, const std::string& id) {
  MutexLock lock(mutex_);
  const auto [place, is_new] = names_.try_emplace(name, id);
  if (is_new) return {};
  return error(
      Code::Conflict,
      "Conflict. The container name \"/{}\" is already in use by container \"{}\". You have to remove "
      "(or rename) that container to be able to reuse that name.",
      name, place->second);
}

std::string ContainerIndex::reserve_random_name(const std::string& id) {
  MutexLock lock(mutex_);
  for (int retry = 0;; ++retry) {
    std::string name = random_name(retry);
    if (names_.try_emplace(name, id).second) return name;
  }
}

void ContainerIndex::release_name(const std::string& name) {
  MutexLock lock(mutex_);
  names_.erase(name);
}

void ContainerIndex::add(std::shared_ptr<Container> container) {
  MutexLock lock(mutex_);
  by_id_.insert_or_assign(container->id(), std::move(container));
}

void ContainerIndex::remove(const std::string& id) {
  MutexLock lock(mutex_);
  by_id_.erase(id);
}

Result<std::shared_ptr<Container>> ContainerIndex::find(std::string_view ref) const {
  const std::string_view name = ref.starts_with('/') ? ref.substr(1) : ref;
  MutexLock lock(mutex_);
  if (const auto found = by_id_.find(ref); found != by_id_.end()) return found->second;
  if (const auto named = names_.find(name); named != names_.end())
    // Between reserve_name() and add() the name has an id and the id no container.
    if (const auto found = by_id_.find(named->second); found != by_id_.end()) return found->second;
  return with_prefix(ref);
}

Result<std::shared_ptr<Container>> ContainerIndex::with_prefix(std::string_view prefix) const {
  const auto first = by_id_.lower_bound(prefix);
  if (prefix.empty() || first == by_id_.end() || !first->first.starts_with(prefix))
    return error(Code::NotFound, "No such container: {}", prefix);
  const auto second = std::next(first);
  if (second != by_id_.end() && second->first.starts_with(prefix))
    return error(Code::Conflict, "Multiple IDs found with provided prefix: {}", prefix);
  return first->second;
}

std::shared_ptr<Container> ContainerIndex::with_id(const std::string& id) const {
  MutexLock lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Container>> ContainerIndex::all() const {
  std::vector<std::shared_ptr<Container>> containers;
  MutexLock lock(mutex_);
  containers.reserve(by_id_.size());
  for (const auto& [id, container] : by_id_) containers.push_back(container);
  return containers;
}

std::vector<std::string> ContainerIndex::unfinished() const {
  std::vector<std::string> ids;
  MutexLock lock(mutex_);
  for (const auto& [name, id] : names_)
    if (!by_id_.contains(id)) ids.push_back(id);
  return ids;
}

bool ContainerIndex::is_known(const std::string& id) const {
  MutexLock lock(mutex_);
  if (by_id_.contains(id)) return true;
  return std::ranges::any_of(names_, [&](const auto& name) { return name.second == id; });
}

}  // namespace gantry::engine
