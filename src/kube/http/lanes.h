// SPDX-License-Identifier: Apache-2.0
//
// A pool of threads that is shared by those who wait for others: each has a lane, and only some of the
// threads at once, so that one who waits long keeps none of the others from their work.
//
//   Lanes lanes({.name = "watch", .max_threads = 32}, 2);
//   const std::shared_ptr<Lane> lane = lanes.of("example.com/widgets");
//   TRY(lane->run([&] { ask_the_webhook(); }));
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/mutex.h"
#include "base/thread_pool.h"

namespace gantry::kube {

// For any thread.
class Lane : public std::enable_shared_from_this<Lane> {
 public:
  // The pool outlives it. `most`: threads at once; as many tasks wait as may in the pool.
  Lane(ThreadPool& pool, std::size_t most, std::size_t max_waiting)
      : pool_(pool), most_(most), max_waiting_(max_waiting) {}

  // Fails as ThreadPool::run does.
  Result<void> run(ThreadPool::Task task) EXCLUDES(mutex_);

 private:
  Result<void> start();
  void work();
  ThreadPool::Task next() EXCLUDES(mutex_);  // empty: there is none
  bool hand_over() EXCLUDES(mutex_);         // false: nobody took it

  ThreadPool& pool_;
  const std::size_t most_;
  const std::size_t max_waiting_;
  Mutex mutex_;                                 // guards what follows
  std::size_t running_ GUARDED_BY(mutex_) = 0;  // threads of the pool that it has, or will get
  std::deque<ThreadPool::Task> waiting_ GUARDED_BY(mutex_);
};

class Lanes {
 public:
  // `most_of_one`: threads of one lane.
  Lanes(ThreadPool::Options options, std::size_t most_of_one);

  // Who has the same key has the same lane; it is forgotten when nobody has it any more.
  std::shared_ptr<Lane> of(const std::string& key) EXCLUDES(mutex_);

 private:
  const std::size_t most_of_one_;
  const std::size_t max_waiting_;
  Mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<Lane>> lanes_ GUARDED_BY(mutex_);
  ThreadPool pool_;  // ends first, with all that runs
};

}  // namespace gantry::kube
