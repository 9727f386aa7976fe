// SPDX-License-Identifier: Apache-2.0
#include "engine/delays.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace gantry::engine {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Delays::Delays(LoopThread& loop, ThreadPool& pool) : loop_(loop), pool_(pool) {
  loop_.call(
      [this] { timer_ = std::make_unique<Timer>(loop_.loop(), Callback::to<&Delays::run_due>(*this)); });
}

Delays::~Delays() {
  loop_.call([this] { timer_.reset(); });
}

void Delays::schedule(const std::string& key, milliseconds delay, Work work) {
  bool is_first = false;
  {
    MutexLock lock(mutex_);
    erase(key);
    const auto place = queue_.emplace(steady_clock::now() + delay, Entry{key, std::move(work)});
    by_key_[key] = place;
    is_first = place == queue_.begin();
  }
  if (is_first) loop_.post([this] { arm(); });
}

bool Delays::cancel(const std::string& key) {
  MutexLock lock(mutex_);
  return erase(key);
}

bool Delays::erase(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return false;
  queue_.erase(found->second);
  by_key_.erase(found);
  return true;
}

void Delays::arm() {
  if (!timer_) return;  // posted before the end, run after it
  MutexLock lock(mutex_);
  if (queue_.empty()) return;
  const auto left = std::chrono::ceil<milliseconds>(queue_.begin()->first - steady_clock::now());
  timer_->start(std::max(left, milliseconds(0)));
}

void Delays::run_due() {
  std::vector<Work> due;
  {
    MutexLock lock(mutex_);
    while (!queue_.empty() && queue_.begin()->first <= steady_clock::now()) {
      Entry& entry = queue_.begin()->second;
      by_key_.erase(entry.key);
      due.push_back(std::move(entry.work));
      queue_.erase(queue_.begin());
    }
  }
  // A pool that takes no more is being destroyed, and the engine with it.
  for (Work& work : due) (void)pool_.run(std::move(work));
  arm();
}

}  // namespace gantry::engine
