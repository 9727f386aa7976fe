// SPDX-License-Identifier: Apache-2.0
#include "engine/events.h"

#include <algorithm>
#include <utility>

#include "base/timestamp.h"

namespace gantry::engine {

void Events::publish(Event event) {
  MutexLock lock(mutex_);
  // The wall clock may step back; the order of events may not.
  last_ = std::max(wall_clock_ns(), last_ + 1);
  event.time = last_;
  kept_.push_back(std::make_shared<const Event>(std::move(event)));
  if (kept_.size() > kKept) kept_.pop_front();
  // Under the lock: a subscription that is being dropped waits here until its listener has returned.
  for (const Listener& listener : listeners_) listener(kept_.back());
}

Subscription Events::subscribe(Listener listener) {
  MutexLock lock(mutex_);
  return add(std::move(listener));
}

Subscription Events::subscribe(Listener listener, TimeNs since) {
  MutexLock lock(mutex_);
  for (const EventRef& event : kept_)
    if (event->time >= since) listener(event);
  return add(std::move(listener));
}

Subscription Events::add(Listener listener) {
  const auto place = listeners_.insert(listeners_.end(), std::move(listener));
  return Subscription([this, place] {
    MutexLock lock(mutex_);
    listeners_.erase(place);
  });
}

std::vector<EventRef> Events::between(TimeNs since, TimeNs until) const {
  std::vector<EventRef> found;
  MutexLock lock(mutex_);
  for (const EventRef& event : kept_)
    if (event->time >= since && event->time <= until) found.push_back(event);
  return found;
}

}  // namespace gantry::engine
