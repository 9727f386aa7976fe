// SPDX-License-Identifier: Apache-2.0
//
// Many threads want something done that costs the same for all of them at once as for one: a transaction, an
// fsync. Whoever comes first does it; who comes meanwhile waits, and the first of these then does it for all
// of them. Nobody is woken who has not been served and has nothing to do.
//
//   GroupWork<Write> writes;
//   writes.run(mine, [&](std::span<Write* const> all) { ... });   // when it returns, `mine` was one of `all`
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace gantry {

template <class Request>
class GroupWork {
 public:
  // `work` is called by one thread at a time, here or by another who waits, with requests in the order in
  // which they came; `request` is borrowed until this returns.
  template <class Work>
  void run(Request& request, Work&& work) {
    Waiting mine{.request = &request};
    MutexLock lock(mutex_);
    waiting_.push_back(&mine);
    if (std::exchange(is_at_work_, true))
      while (mine.turn == Turn::NotYet) mine.changed.wait(mutex_);
    if (mine.turn == Turn::Done) return;
    const std::vector<Waiting*> group = std::exchange(waiting_, {});
    lock.unlock();
    std::vector<Request*> requests;
    requests.reserve(group.size());
    for (const Waiting* each : group) requests.push_back(each->request);
    work(std::span<Request* const>(requests));
    lock.lock();
    hand_on();
    for (Waiting* each : group)
      if (each != &mine) each->take(Turn::Done);
  }

  // Those who wait for their turn.
  std::size_t waiting() const {
    MutexLock lock(mutex_);
    return waiting_.size();
  }

  // Calls it unless somebody is at work, who then waits until it returns.
  template <class Function>
  void run_if_idle(Function&& function) {
    MutexLock lock(mutex_);
    if (!is_at_work_) function();
  }

 private:
  enum class Turn : unsigned char { NotYet, Leads, Done };

  struct Waiting {
    // Woken with the lock held: once it is let go, this may be gone.
    void take(Turn next) {
      turn = next;
      changed.notify_one();
    }
    Request* const request;
    Turn turn = Turn::NotYet;
    CondVar changed = {};
  };

  void hand_on() REQUIRES(mutex_) {
    if (waiting_.empty())
      is_at_work_ = false;
    else
      waiting_.front()->take(Turn::Leads);
  }

  mutable Mutex mutex_;  // guards what follows, and what those who wait are told
  std::vector<Waiting*> waiting_ GUARDED_BY(mutex_);
  bool is_at_work_ GUARDED_BY(mutex_) = false;
};

}  // namespace gantry
