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
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/gate.h"
#include "base/mutex.h"

namespace gantry {

template <class Request>
class GroupWork {
 public:
  // `work` is called by one thread at a time, here or by another who waits, with requests in the order in
  // which they came; `request` is borrowed until this returns.
  template <class Work>
  void run(Request& request, Work&& work) {
    MutexLock lock(mutex_);
    const bool is_first = next_ == nullptr;
    if (is_first) next_ = std::make_shared<Group>();
    const std::shared_ptr<Group> group = next_;
    group->requests.push_back(&request);
    const bool has_to_wait = !is_first || is_at_work_;
    is_at_work_ = true;
    lock.unlock();
    if (has_to_wait) (is_first ? group->may_begin : group->is_done).wait();
    if (!is_first) return;
    lock.lock();
    next_ = nullptr;  // who comes from now on is of another group
    lock.unlock();
    work(std::span<Request* const>(group->requests));
    hand_on();
    group->is_done.open();
  }

  // Those who wait for their turn.
  std::size_t waiting() const {
    MutexLock lock(mutex_);
    return next_ == nullptr ? 0 : next_->requests.size();
  }

  // Calls it unless somebody is at work, who then waits until it returns.
  template <class Function>
  void run_if_idle(Function&& function) {
    MutexLock lock(mutex_);
    if (!is_at_work_) function();
  }

 private:
  // Shared by the threads whose requests are in it.
  struct Group {
    std::vector<Request*> requests;
    Gate may_begin;  // the first of them does the work, when that of the group before is done
    Gate is_done;    // for the others
  };

  void hand_on() {
    MutexLock lock(mutex_);
    const std::shared_ptr<Group> following = next_;
    is_at_work_ = following != nullptr;
    lock.unlock();
    if (following != nullptr) following->may_begin.open();
  }

  mutable Mutex mutex_;                             // guards what follows, and the requests of that group
  std::shared_ptr<Group> next_ GUARDED_BY(mutex_);  // those who have come and for whom nobody works yet
  bool is_at_work_ GUARDED_BY(mutex_) = false;
};

}  // namespace gantry
