// SPDX-License-Identifier: Apache-2.0
//
// Locks that clang checks (-Wthread-safety): members say which mutex guards
// them, functions say which they want held, and a wrong access does not compile.
//
//   void add(int n) {
//     MutexLock lock(mutex_);
//     numbers_.push_back(n);
//     changed_.notify_one();
//   }
//   Mutex mutex_;  // guards what follows
//   std::vector<int> numbers_ GUARDED_BY(mutex_);
//   CondVar changed_;
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#ifdef __clang__
#define GANTRY_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define GANTRY_THREAD_ATTRIBUTE(x)
#endif

#define GUARDED_BY(mutex) GANTRY_THREAD_ATTRIBUTE(guarded_by(mutex))
#define PT_GUARDED_BY(mutex) GANTRY_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
// The caller holds the mutex, or must not.
#define REQUIRES(...) GANTRY_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) GANTRY_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
// For what the analysis cannot follow; a comment says why it is right.
#define NO_THREAD_SAFETY_ANALYSIS GANTRY_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace gantry {

class GANTRY_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() GANTRY_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() GANTRY_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  bool try_lock() GANTRY_THREAD_ATTRIBUTE(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a mutex for as long as it lives. unlock() and lock() let go of it for a while.
class GANTRY_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) GANTRY_THREAD_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    lock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() GANTRY_THREAD_ATTRIBUTE(release_capability()) {
    if (is_held_) mutex_.unlock();
  }

  void unlock() GANTRY_THREAD_ATTRIBUTE(release_capability()) {
    is_held_ = false;
    mutex_.unlock();
  }
  void lock() GANTRY_THREAD_ATTRIBUTE(acquire_capability()) {
    mutex_.lock();
    is_held_ = true;
  }

 private:
  Mutex& mutex_;
  bool is_held_ = false;
};

// Wakes without reason now and then, so wait in a loop that looks at the condition.
class CondVar {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    changed_.wait(lock);
    lock.release();
  }
  // False when `deadline` passed without a wake.
  bool wait_until(Mutex& mutex, std::chrono::steady_clock::time_point deadline) REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    const bool woken = changed_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void notify_one() { changed_.notify_one(); }
  void notify_all() { changed_.notify_all(); }

 private:
  std::condition_variable changed_;
};

}  // namespace gantry
