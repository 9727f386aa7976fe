// SPDX-License-Identifier: Apache-2.0
#include "engine/events.h"

#include <algorithm>
#include <utility>

#include "base/timestamp.h"

namespace gantry::engine {

Result<void> Events::keep_in(const std::string& directory) {
  MutexLock lock(mutex_);
  log_ = TRY(EventLog::open(directory));
  log_began_ = wall_clock_ns();
  return {};
}

std::vector<Event> Events::last_of_earlier() const {
  MutexLock lock(mutex_);
  std::vector<Event> events = log_ ? log_->read_end() : std::vector<Event>();
  std::erase_if(events, [own = log_began_](const Event& event) { return event.time >= own; });
  return events;
}

void Events::publish(Event event) {
  MutexLock lock(mutex_);
  // The wall clock may step back; the order of events may not.
  last_ = std::max(wall_clock_ns(), last_ + 1);
  event.time = last_;
  // When the disk is full the event is in memory, and that is all that can be done.
  if (log_) (void)log_->append(event);
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
  recall(since);
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

void Events::recall(TimeNs since) const {
  if (!log_ || since >= log_began_ || std::exchange(is_recalled_, true)) return;
  std::deque<EventRef> earlier;
  for (Event& event : log_->read())
    if (event.time < log_began_) earlier.push_back(std::make_shared<const Event>(std::move(event)));
  kept_.insert(kept_.begin(), earlier.begin(), earlier.end());
}

std::vector<EventRef> Events::between(TimeNs since, TimeNs until) const {
  std::vector<EventRef> found;
  MutexLock lock(mutex_);
  recall(since);
  for (const EventRef& event : kept_)
    if (event->time >= since && event->time <= until) found.push_back(event);
  return found;
}

}  // namespace gantry::engine
