// SPDX-License-Identifier: Apache-2.0
//
// Who waits for a container to end or to be removed. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "engine/engine.h"
#include "engine/subscription.h"

namespace gantry::engine {

class WaitList {
 public:
  // Unless it was removed, or `holds_already` answers a result now, under the lock that ended() and removed()
  // take: then the callback runs at once.
  Subscription add(WaitCondition condition, WaitCallback callback,
                   const std::function<std::optional<WaitResult>()>& holds_already);

  // Calls those who wait for it. What made the condition true is visible before.
  void ended(const WaitResult& result);
  void removed(const WaitResult& result);
  // Its removal has failed: who waits for that is told why, and may ask again.
  void not_removed(const WaitResult& result);

 private:
  struct Waiter {
    WaitCondition condition;
    WaitCallback callback;
  };
  // Shared with the subscriptions, which may outlive the container.
  struct Waiters {
    Mutex mutex;  // guards what follows
    std::list<std::shared_ptr<Waiter>> list GUARDED_BY(mutex);
    // Who found the container just before it was removed must not wait for that for ever.
    std::optional<WaitResult> removal GUARDED_BY(mutex);
  };
  void notify(const WaitResult& result, const std::function<bool(WaitCondition)>& is_due);

  std::shared_ptr<Waiters> waiters_ = std::make_shared<Waiters>();
};

// Something that happens once, for a thread to wait for.
class Latch {
 public:
  void open() {
    MutexLock lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }
  // False when the time is up; no deadline: for ever.
  bool wait_until(std::optional<std::chrono::steady_clock::time_point> deadline) {
    MutexLock lock(mutex_);
    while (!is_open_) {
      if (!deadline)
        opened_.wait(mutex_);
      else if (!opened_.wait_until(mutex_, *deadline))
        return is_open_;
    }
    return true;
  }

 private:
  Mutex mutex_;  // guards what follows
  bool is_open_ GUARDED_BY(mutex_) = false;
  CondVar opened_;
};

}  // namespace gantry::engine
