// SPDX-License-Identifier: Apache-2.0
#include "store/watch_hub.h"

#include <algorithm>
#include <utility>

namespace gantry::store {

// What a client may be late without a look into the file.
static constexpr std::size_t kKeptBytes = 4 << 20;

static std::size_t size_of(const Event& event) {
  return sizeof event + event.key.size() + event.value.size();
}

class WatchHub::Membership final : public Watch {
 public:
  Membership(WatchHub& hub, std::list<Watcher>::iterator watcher) : hub_(hub), watcher_(watcher) {}
  ~Membership() override {
    MutexLock lock(hub_.mutex_);
    hub_.watchers_.erase(watcher_);
  }

 private:
  WatchHub& hub_;
  const std::list<Watcher>::iterator watcher_;
};

std::vector<Event> events_in(const KeyRange& keys, std::span<const Event> events) {
  std::vector<Event> wanted;
  std::ranges::copy_if(events, std::back_inserter(wanted),
                       [&](const Event& event) { return keys.contains(event.key); });
  return wanted;
}

void WatchHub::Watcher::tell(std::span<const Event> events) {
  // One that was told of the future waits for it.
  while (!events.empty() && events.front().modified <= after) events = events.subspan(1);
  const auto is_wanted = [&](const Event& event) { return keys.contains(event.key); };
  if (std::ranges::all_of(events, is_wanted)) {
    if (!events.empty()) sink.on_events(events);
  } else if (std::ranges::any_of(events, is_wanted)) {
    sink.on_events(events_in(keys, events));
  }
}

void WatchHub::publish(std::span<const Event> events) {
  MutexLock lock(mutex_);
  keep(events);
  for (Watcher& watcher : watchers_) watcher.tell(events);
}

void WatchHub::keep(std::span<const Event> events) {
  for (const Event& event : events) {
    kept_bytes_ += size_of(event);
    kept_.push_back(event);
  }
  // Whole revisions go, so that a late client gets them whole.
  while (kept_bytes_ > kKeptBytes || (!kept_.empty() && kept_.front().modified <= kept_after_)) {
    kept_after_ = kept_.front().modified;
    kept_bytes_ -= size_of(kept_.front());
    kept_.pop_front();
  }
}

std::unique_ptr<Watch> WatchHub::add(const KeyRange& keys, Revision after, WatchSink& sink) {
  MutexLock lock(mutex_);
  if (after < kept_after_) return nullptr;
  const auto watcher = watchers_.insert(watchers_.end(), {keys, after, sink});
  const auto first = std::ranges::upper_bound(kept_, after, {}, &Event::modified);
  watcher->tell(std::vector<Event>(first, kept_.end()));
  return std::make_unique<Membership>(*this, watcher);
}

}  // namespace gantry::store
