// SPDX-License-Identifier: Apache-2.0
//
// What is to be done after a while: restarts, health checks. One timer for all of it; the work runs on a
// pool, not on the loop. Thread-safe.
//
//   delays.schedule("restart/" + id, 100ms, [this, id] { restart(id); });
//   delays.cancel("restart/" + id);
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "base/loop_thread.h"
#include "base/mutex.h"
#include "base/thread_pool.h"

namespace gantry::engine {

class Delays {
 public:
  using Work = std::move_only_function<void()>;

  // Both outlive this.
  Delays(LoopThread& loop, ThreadPool& pool);
  Delays(const Delays&) = delete;
  Delays& operator=(const Delays&) = delete;
  // What is not due by then is forgotten.
  ~Delays();

  // Replaces what is scheduled under that key.
  void schedule(const std::string& key, std::chrono::milliseconds delay, Work work);
  // False: there was none, or its work has begun.
  bool cancel(const std::string& key);
  // On the loop: nothing begins from now on.
  void stop() { timer_.reset(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Entry {
    std::string key;
    Work work;
  };
  using Queue = std::multimap<Time, Entry>;

  bool erase(const std::string& key) REQUIRES(mutex_);
  void arm();      // on the loop
  void run_due();  // on the loop

  LoopThread& loop_;
  ThreadPool& pool_;
  std::unique_ptr<Timer> timer_;  // of the loop
  Mutex mutex_;                   // guards what follows
  Queue queue_ GUARDED_BY(mutex_);
  std::map<std::string, Queue::iterator> by_key_ GUARDED_BY(mutex_);
};

}  // namespace gantry::engine
