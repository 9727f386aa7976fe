// SPDX-License-Identifier: Apache-2.0
#include "engine/wait_list.h"

#include <utility>

namespace gantry::engine {

Subscription WaitList::add(WaitCondition condition, WaitCallback callback,
                           const std::function<std::optional<WaitResult>()>& holds_already) {
  MutexLock lock(waiters_->mutex);
  if (waiters_->removal) {
    callback(*waiters_->removal);
    return {};
  }
  if (const auto result = holds_already()) {
    callback(*result);
    return {};
  }
  // An id rather than an iterator: who was called is no longer in the list.
  auto waiter = std::make_shared<Waiter>(Waiter{condition, std::move(callback)});
  waiters_->list.push_back(waiter);
  return Subscription([waiters = waiters_, waiter = std::weak_ptr(waiter)] {
    MutexLock cancel_lock(waiters->mutex);
    waiters->list.remove(waiter.lock());
  });
}

void WaitList::ended(const WaitResult& result) {
  notify(result, [](WaitCondition condition) { return condition != WaitCondition::Removed; });
}

void WaitList::removed(const WaitResult& result) {
  {
    MutexLock lock(waiters_->mutex);
    waiters_->removal = result;
  }
  notify(result, [](WaitCondition) { return true; });
}

void WaitList::not_removed(const WaitResult& result) {
  notify(result, [](WaitCondition condition) { return condition == WaitCondition::Removed; });
}

void WaitList::notify(const WaitResult& result, const std::function<bool(WaitCondition)>& is_due) {
  // Under the lock, so that a subscription that is dropped meanwhile waits for its callback to return.
  MutexLock lock(waiters_->mutex);
  auto& list = waiters_->list;
  for (auto place = list.begin(); place != list.end();) {
    const std::shared_ptr<Waiter> waiter = *place;
    if (!is_due(waiter->condition)) {
      ++place;
      continue;
    }
    place = list.erase(place);
    waiter->callback(result);
  }
}

}  // namespace gantry::engine
