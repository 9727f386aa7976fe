// SPDX-License-Identifier: Apache-2.0
//
// Pods while the engine runs, by id, by the first digits of one, and by name. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "engine/engine_database.h"
#include "engine/pod_record.h"

namespace gantry::engine {

// As Container (container.h) is one container.
class Pod {
 public:
  Pod(RowNumber number, PodRecord record)
      : row(number), record_(std::make_shared<const PodRecord>(std::move(record))) {}

  // Held by whoever changes it. Before those of its containers.
  Mutex& changes() { return changes_; }
  PodRef record() const {
    MutexLock lock(record_mutex_);
    return record_;
  }
  // By the holder of changes().
  void publish(PodRecord record) {
    auto next = std::make_shared<const PodRecord>(std::move(record));
    MutexLock lock(record_mutex_);
    record_.swap(next);
  }

  const RowNumber row;
  bool is_removed = false;  // guarded by changes()

 private:
  Mutex changes_;
  mutable Mutex record_mutex_;  // guards what follows
  PodRef record_ GUARDED_BY(record_mutex_);
};

class PodIndex {
 public:
  // Conflict when another pod has the name.
  Result<void> add(std::shared_ptr<Pod> pod);
  void remove(const std::string& id);
  // NotFound "No such pod: x"; Conflict when several ids begin so.
  Result<std::shared_ptr<Pod>> find(std::string_view ref) const;
  std::vector<std::shared_ptr<Pod>> all() const;

 private:
  std::shared_ptr<Pod> named(std::string_view name) const REQUIRES(mutex_);

  mutable Mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<Pod>, std::less<>> by_id_ GUARDED_BY(mutex_);
};

}  // namespace gantry::engine
