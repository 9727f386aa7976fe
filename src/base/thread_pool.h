// SPDX-License-Identifier: Apache-2.0
//
// Runs what may block on a bounded number of threads. Threads start when there
// is work for them and end when there was none for a while: at rest a pool is
// an object of a few hundred bytes.
//
//   ThreadPool pool({.name = "unpack", .max_threads = 8});
//   TRY(pool.run([&] { unpack(layer); }));
//
//   TaskGroup group(pool);                       // several jobs, and their first error
//   for (const Layer& layer : layers) TRY(group.run([&] { return unpack(layer); }));
//   TRY(group.wait());
#pragma once

#include <pthread.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/mutex.h"

namespace gantry {

class ThreadPool {
 public:
  using Task = std::move_only_function<void()>;

  struct Options {
    std::string name = "pool";  // what ps(1) shows of a thread: at most 15 bytes
    std::size_t max_threads = 16;
    std::size_t max_waiting = 1024;      // tasks that no thread has begun yet
    std::size_t stack_size = 512 << 10;  // bytes of address space; memory only as far as it is used
    std::chrono::milliseconds idle = std::chrono::seconds(10);  // a thread without work for so long ends
    // Called by the last thread as it ends for want of work; may be empty.
    std::function<void()> on_rest;
  };

  explicit ThreadPool(Options options);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  // Takes no more, runs what was taken, and waits for it.
  ~ThreadPool();

  // From any thread, tasks included. Fails with ResourceExhausted when too many tasks wait or no thread
  // could be started, with Unavailable when the pool is being destroyed; then the task is not run.
  Result<void> run(Task task);

  // Whether tasks wait for a thread.
  bool has_waiting() const;
  std::size_t threads() const;

 private:
  static void* thread_main(void* self);
  void work();
  Result<void> start_thread() REQUIRES(mutex_);
  void join(std::list<pthread_t>& ended);

  const Options options_;
  mutable Mutex mutex_;  // guards what follows
  std::deque<Task> waiting_ GUARDED_BY(mutex_);
  std::list<pthread_t> running_ GUARDED_BY(mutex_);
  std::list<pthread_t> ended_ GUARDED_BY(mutex_);  // to be joined by the next who comes by
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  CondVar changed_;
};

// Jobs that belong together. Not for use inside a task of the same pool: a pool full of tasks that wait for
// others never gets to those.
class TaskGroup {
 public:
  explicit TaskGroup(ThreadPool& pool) : pool_(pool) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { (void)wait(); }

  // Fails as ThreadPool::run does. After a job has failed, jobs that have not begun are left out.
  Result<void> run(std::move_only_function<Result<void>()> job);
  // Waits for all; the error of the first job that failed, once.
  Result<void> wait();

 private:
  ThreadPool& pool_;
  Mutex mutex_;  // guards what follows
  std::size_t unfinished_ GUARDED_BY(mutex_) = 0;
  bool has_failed_ GUARDED_BY(mutex_) = false;
  std::optional<Error> first_error_ GUARDED_BY(mutex_);
  CondVar finished_;
};

}  // namespace gantry
