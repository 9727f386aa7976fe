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
  const auto published = std::make_shared<const Event>(std::move(event));
  keep(published);
  // Under the lock: a subscription that is being dropped waits here until its listener has returned.
  for (const Listener& listener : listeners_) listener(published);
}

void Events::keep(const EventRef& event) {
  if (log_ && log_->append(*event)) return;
  unlogged_.push_back(event);
  if (unlogged_.size() > kKept) unlogged_.pop_front();
}

std::vector<EventRef> Events::kept_since(TimeNs since) const {
  std::vector<EventRef> logged, unlogged, found;
  if (log_)
    for (Event& event : log_->read(since)) logged.push_back(std::make_shared<const Event>(std::move(event)));
  for (const EventRef& event : unlogged_)
    if (event->time >= since) unlogged.push_back(event);
  const auto time = [](const EventRef& event) { return event->time; };
  std::ranges::merge(logged, unlogged, std::back_inserter(found), {}, time, time);
  return found;
}

Subscription Events::subscribe(Listener listener) {
  MutexLock lock(mutex_);
  return add(std::move(listener));
}

Subscription Events::subscribe(Listener listener, TimeNs since) {
  MutexLock lock(mutex_);
  for (const EventRef& event : kept_since(since)) listener(event);
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
  MutexLock lock(mutex_);
  std::vector<EventRef> found = kept_since(since);
  lock.unlock();
  std::erase_if(found, [until](const EventRef& event) { return event->time > until; });
  return found;
}

}  // namespace gantry::engine
