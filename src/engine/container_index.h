// SPDX-License-Identifier: Apache-2.0
//
// Containers by id, by the first digits of one, and by name. A name belongs to an id from before the
// container is made until after it is gone. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "engine/container.h"

namespace gantry::engine {

class ContainerIndex {
 public:
  // Conflict, in Docker's words, when another id has the name.
  Result<void> reserve_name(const std::string& name, const std::string& id);
  // One that nobody has, for this id.
  std::string reserve_random_name(const std::string& id);
  void release_name(const std::string& name);

  void add(std::shared_ptr<Container> container);
  void remove(const std::string& id);

  // An id, a name (with or without "/" in front), or the first digits of an id, in this order. NotFound;
  // Conflict when several ids begin so.
  Result<std::shared_ptr<Container>> find(std::string_view ref) const;
  // By id; null if there is none.
  std::shared_ptr<Container> with_id(const std::string& id) const;
  std::vector<std::shared_ptr<Container>> all() const;
  // Whether there is a container of that id, or one is being made.
  bool is_known(const std::string& id) const;
  // Ids of those that are being made.
  std::vector<std::string> unfinished() const;

 private:
  Result<std::shared_ptr<Container>> with_prefix(std::string_view prefix) const REQUIRES(mutex_);

  mutable Mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<Container>, std::less<>> by_id_ GUARDED_BY(mutex_);
  std::map<std::string, std::string, std::less<>> names_ GUARDED_BY(mutex_);  // to ids
};

}  // namespace gantry::engine
