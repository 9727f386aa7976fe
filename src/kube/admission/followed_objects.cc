// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/followed_objects.h"

namespace gantry::kube::admission {

FollowedObjects::FollowedObjects(ObjectSource& source, std::string_view stored_as)
    : source_(source),
      stored_as_(stored_as),
      follower_(source.follow(stored_as, [this](const ObjectChange& change) { take(change); })) {}

void FollowedObjects::take(const ObjectChange& change) {
  Object object = change.object == nullptr ? nullptr : std::make_shared<const json::Tree>(*change.object);
  const MutexLock lock(mutex_);
  Objects& objects = name_spaces_[std::string(change.name_space)];
  if (object != nullptr)
    objects[std::string(change.name)] = std::move(object);
  else
    objects.erase(std::string(change.name));
  if (objects.empty()) name_spaces_.erase(std::string(change.name_space));
  changed_.notify_all();
}

FollowedObjects::Object FollowedObjects::find(std::string_view name_space, std::string_view name) const {
  {
    const MutexLock lock(mutex_);
    if (Object found = locked_find(name_space, name)) return found;
  }
  auto made = source_.get(stored_as_, name_space, name);
  return made ? std::make_shared<const json::Tree>(*std::move(made)) : nullptr;
}

FollowedObjects::Object FollowedObjects::wait_for(std::string_view name_space, std::string_view name,
                                                  std::chrono::milliseconds patience) const {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const MutexLock lock(mutex_);
  for (;;) {
    if (Object found = locked_find(name_space, name)) return found;
    if (std::chrono::steady_clock::now() >= deadline) return nullptr;
    changed_.wait_until(mutex_, deadline);
  }
}

FollowedObjects::Object FollowedObjects::locked_find(std::string_view name_space,
                                                     std::string_view name) const {
  const auto objects = name_spaces_.find(name_space);
  if (objects == name_spaces_.end()) return nullptr;
  const auto found = objects->second.find(name);
  return found == objects->second.end() ? nullptr : found->second;
}

std::vector<FollowedObjects::Object> FollowedObjects::all_in(std::string_view name_space) const {
  std::vector<Object> all;
  const MutexLock lock(mutex_);
  const auto objects = name_spaces_.find(name_space);
  if (objects == name_spaces_.end()) return all;
  for (const auto& [name, object] : objects->second) all.push_back(object);
  return all;
}

}  // namespace gantry::kube::admission
