// SPDX-License-Identifier: Apache-2.0
//
// Tells changes to those who watch, and keeps the latest ones for those who come a little late.
//
// One thread at a time publishes; everything else is for any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "store/store.h"

namespace gantry::store {

class WatchHub {
 public:
  // Keeps changes after `revision` only: what was before is not here.
  explicit WatchHub(Revision revision) : kept_after_(revision) {}
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  // Whole revisions, later than all before.
  void publish(std::span<const Event> events);

  // Begins a watch of what comes after `after`, and tells what of that is kept; null when older changes than
  // the kept ones are wanted. The hub outlives the watch.
  std::unique_ptr<Watch> add(const KeyRange& keys, Revision after, WatchSink& sink);

 private:
  struct Watcher {
    KeyRange keys;
    Revision after;
    WatchSink& sink;
    void tell(std::span<const Event> events);
  };
  class Membership;
  void keep(std::span<const Event> events) REQUIRES(mutex_);

  // Held while sinks are called: whoever has left is not called any more.
  Mutex mutex_;  // guards what follows
  std::list<Watcher> watchers_ GUARDED_BY(mutex_);
  std::deque<Event> kept_ GUARDED_BY(mutex_);
  std::size_t kept_bytes_ GUARDED_BY(mutex_) = 0;
  Revision kept_after_ GUARDED_BY(mutex_);  // `kept_` has every change after this revision
};

// Those of `events` whose keys are in `keys`.
std::vector<Event> events_in(const KeyRange& keys, std::span<const Event> events);

}  // namespace gantry::store
