// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <csignal>
#include <utility>

namespace gantry {

using std::chrono::steady_clock;

ThreadPool::ThreadPool(Options options) : options_(std::move(options)) {}

ThreadPool::~ThreadPool() {
  MutexLock lock(mutex_);
  is_stopping_ = true;
  changed_.notify_all();
  while (!running_.empty()) changed_.wait(mutex_);
  std::list<pthread_t> ended = std::move(ended_);
  lock.unlock();
  join(ended);
}

Result<void> ThreadPool::run(Task task) {
  MutexLock lock(mutex_);
  if (is_stopping_) return error(Code::Unavailable, "{}: no more work is taken", options_.name);
  if (waiting_.size() >= options_.max_waiting)
    return error(Code::ResourceExhausted, "{}: {} tasks wait already", options_.name, waiting_.size());
  if (idle_ <= waiting_.size() && running_.size() < options_.max_threads) {
    // One thread fewer than there could be is no reason to fail.
    if (auto started = start_thread(); !started && running_.empty()) return std::move(started).error();
  }
  waiting_.push_back(std::move(task));
  std::list<pthread_t> ended = std::move(ended_);
  ended_.clear();
  changed_.notify_one();
  lock.unlock();
  join(ended);
  return {};
}

bool ThreadPool::has_waiting() const {
  MutexLock lock(mutex_);
  return !waiting_.empty();
}

std::size_t ThreadPool::threads() const {
  MutexLock lock(mutex_);
  return running_.size();
}

Result<void> ThreadPool::start_thread() {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  int failed = ::pthread_attr_setstacksize(&attributes, options_.stack_size);
  // Signals are for the program's main thread: a new thread takes over the mask of the one that starts it.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  // The new thread finds itself in the list as soon as it gets the mutex, which is ours until it is there.
  pthread_t& thread = running_.emplace_back();
  if (failed == 0) failed = ::pthread_create(&thread, &attributes, &ThreadPool::thread_main, this);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (failed != 0) {
    running_.pop_back();
    return sys_error_of(failed, "{}: start a thread", options_.name).with_code(Code::ResourceExhausted);
  }
  ::pthread_setname_np(thread, options_.name.substr(0, 15).c_str());
  return {};
}

void* ThreadPool::thread_main(void* self) {
  static_cast<ThreadPool*>(self)->work();
  return nullptr;
}

void ThreadPool::work() {
  MutexLock lock(mutex_);
  for (;;) {
    if (!waiting_.empty()) {
      Task task = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      task();
      task = nullptr;  // what it holds is freed without the lock
      lock.lock();
      continue;
    }
    if (is_stopping_) break;
    ++idle_;
    // Others wake it without work for it, such as those that end.
    const auto end = steady_clock::now() + options_.idle;
    while (waiting_.empty() && !is_stopping_ && changed_.wait_until(mutex_, end)) {
    }
    --idle_;
    if (!waiting_.empty() || is_stopping_) continue;
    if (running_.size() > 1 || !options_.on_rest) break;
    lock.unlock();
    options_.on_rest();
    lock.lock();
    if (waiting_.empty()) break;
  }
  for (auto thread = running_.begin(); thread != running_.end(); ++thread) {
    if (::pthread_equal(*thread, ::pthread_self()) == 0) continue;
    ended_.splice(ended_.end(), running_, thread);
    break;
  }
  changed_.notify_all();
}

void ThreadPool::join(std::list<pthread_t>& ended) {
  for (const pthread_t thread : ended) ::pthread_join(thread, nullptr);
}

Result<void> TaskGroup::run(std::move_only_function<Result<void>()> job) {
  {
    MutexLock lock(mutex_);
    ++unfinished_;
  }
  auto taken = pool_.run([this, job = std::move(job)]() mutable {
    MutexLock lock(mutex_);
    if (!has_failed_) {
      lock.unlock();
      auto result = job();
      job = nullptr;  // before anybody who waits for us goes on
      lock.lock();
      if (!result && !has_failed_) {
        has_failed_ = true;
        first_error_ = std::move(result).error();
      }
    }
    // Notified with the lock held: who waits may destroy this group as soon as it gets it.
    if (--unfinished_ == 0) finished_.notify_all();
  });
  if (!taken) {
    MutexLock lock(mutex_);
    --unfinished_;
  }
  return taken;
}

Result<void> TaskGroup::wait() {
  MutexLock lock(mutex_);
  while (unfinished_ > 0) finished_.wait(mutex_);
  has_failed_ = false;
  if (!first_error_) return {};
  Error first = *std::move(first_error_);
  first_error_.reset();
  return first;
}

}  // namespace gantry
