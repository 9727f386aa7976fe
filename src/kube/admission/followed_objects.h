// SPDX-License-Identifier: Apache-2.0
//
// All objects of a kind of which there are few (quotas, classes), parsed and ready to be looked at: what a
// plugin needs for every request. Kept up to date by the ObjectSource, which outlives it. For any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "base/mutex.h"
#include "kube/api/object_source.h"

namespace gantry::kube::admission {

class FollowedObjects {
 public:
  using Object = std::shared_ptr<const json::Tree>;

  FollowedObjects(ObjectSource& source, std::string_view stored_as);

  // Null if there is none; what has just been made is found before this was told of it. `name_space`: empty
  // for kinds without.
  Object find(std::string_view name_space, std::string_view name) const;
  // One that is about to be made; null: in `patience` it was not.
  Object wait_for(std::string_view name_space, std::string_view name,
                  std::chrono::milliseconds patience) const;
  // In the order of their names.
  std::vector<Object> all_in(std::string_view name_space) const;

 private:
  using Objects = std::map<std::string, Object, std::less<>>;
  void take(const ObjectChange& change);
  Object locked_find(std::string_view name_space, std::string_view name) const REQUIRES(mutex_);

  const ObjectSource& source_;
  const std::string stored_as_;
  mutable Mutex mutex_;  // guards what follows
  mutable CondVar changed_;
  std::map<std::string, Objects, std::less<>> name_spaces_ GUARDED_BY(mutex_);
  // Last, so that nothing is told to what has gone.
  std::unique_ptr<ObjectFollower> follower_;
};

}  // namespace gantry::kube::admission
