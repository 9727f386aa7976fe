// SPDX-License-Identifier: Apache-2.0
//
// One container while the engine runs: its snapshot for readers, the lock for those who change it, and who
// waits for it. Shared by the index and by whoever works on it just now.
//
//   MutexLock lock(container.changes());
//   ContainerRecord record = *container.record();
//   record.state.status = Status::Paused;
//   TRY(core.database.save_state(container.number(), record.state));
//   container.publish(std::move(record));
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "engine/attach_list.h"
#include "engine/container_record.h"
#include "engine/engine_database.h"
#include "engine/health.h"
#include "engine/restart_policy.h"
#include "engine/wait_list.h"

namespace gantry::engine {

class ShimMonitor;

class Container {
 public:
  explicit Container(ContainerRecord record)
      : restarts(record.settings->host_config.restart_policy, record.state.restart_count),
        id_(record.id),
        record_(std::make_shared<const ContainerRecord>(std::move(record))) {}
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  const std::string& id() const { return id_; }
  std::string short_id() const { return id_.substr(0, 12); }

  // Held from the first look at the state to the last word about it. Whoever waits for the end of the
  // container's process does so without it: recording the end takes it.
  Mutex& changes() { return changes_; }

  ContainerRef record() const {
    MutexLock lock(record_mutex_);
    return record_;
  }
  // By the holder of changes().
  void publish(ContainerRecord record) {
    auto next = std::make_shared<const ContainerRecord>(std::move(record));
    MutexLock lock(record_mutex_);
    record_.swap(next);
  }

  WaitList waits;
  AttachList attaches;

  // ---- guarded by changes()
  RowNumber number = 0;                  // of its row; constant once it is made
  std::shared_ptr<ShimMonitor> monitor;  // while its process lives
  UniqueFd root;                         // while it runs: see MountedRootfs::hold()
  std::uint64_t run = 0;                 // counts starts: what is said of an earlier run is out of date
  RestartDecider restarts;
  std::unique_ptr<HealthCheck> health;  // while it runs, if it has a check
  bool is_removed = false;              // by somebody who held the lock before
  bool stays_at_end = false;            // restart(): its end does not remove it, whatever AutoRemove says
  // Its record is of an earlier engine and was not compared with what is (restore.h).
  bool is_unchecked = false;

 private:
  const std::string id_;
  Mutex changes_;
  mutable Mutex record_mutex_;  // guards what follows
  ContainerRef record_ GUARDED_BY(record_mutex_);
};

}  // namespace gantry::engine
