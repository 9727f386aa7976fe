// SPDX-License-Identifier: Apache-2.0
#include "kube/http/lanes.h"

#include <utility>

namespace gantry::kube {

Result<void> Lane::run(ThreadPool::Task task) {
  const MutexLock lock(mutex_);
  if (waiting_.size() >= max_waiting_) return error(Code::ResourceExhausted, "too many tasks wait");
  waiting_.push_back(std::move(task));
  if (running_ == most_) return {};
  if (auto started = start(); !started) {
    waiting_.pop_back();
    return started;
  }
  ++running_;
  return {};
}

Result<void> Lane::start() {
  return pool_.run([self = shared_from_this()] { self->work(); });
}

// One task, and then the thread is for whoever waits in the pool; but where that takes no more, for the next.
void Lane::work() {
  do {
    ThreadPool::Task task = next();
    if (!task) return;
    task();
  } while (!hand_over());
}

ThreadPool::Task Lane::next() {
  const MutexLock lock(mutex_);
  if (waiting_.empty()) {
    --running_;
    return {};
  }
  ThreadPool::Task task = std::move(waiting_.front());
  waiting_.pop_front();
  return task;
}

bool Lane::hand_over() {
  const MutexLock lock(mutex_);
  if (!waiting_.empty()) return start().has_value();
  --running_;
  return true;
}

Lanes::Lanes(ThreadPool::Options options, std::size_t most_of_one)
    : most_of_one_(most_of_one), max_waiting_(options.max_waiting), pool_(std::move(options)) {}

std::shared_ptr<Lane> Lanes::of(const std::string& key) {
  const MutexLock lock(mutex_);
  std::erase_if(lanes_, [](const auto& one) { return one.second.use_count() == 1; });
  std::shared_ptr<Lane>& lane = lanes_[key];
  if (lane == nullptr) lane = std::make_shared<Lane>(pool_, most_of_one_, max_waiting_);
  return lane;
}

}  // namespace gantry::kube
