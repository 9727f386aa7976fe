// SPDX-License-Identifier: Apache-2.0
//
// What happened, as Docker's events: the last ones are kept, and new ones go to whoever listens. Everybody
// who changes something publishes here: containers and execs the engine itself, images, networks and volumes
// those who change them.
//
//   events.publish({.type = "volume", .action = "create", .actor = name, .attributes = {{"driver",
//   "local"}}}); Subscription feed = events.subscribe([this](const EventRef& event) { inbox_.post(…); });
//
// Events are numbered by time: no two have the same, and later ones have later times. Thread-safe. With
// keep_in() they are kept on disk, and those of earlier processes are known, too; without, and when the disk
// is full, in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "engine/container_record.h"
#include "engine/event_log.h"
#include "engine/subscription.h"

namespace gantry::engine {

struct Event {
  std::string type;    // "container", "image", "network", "volume", "pod", "daemon", "builder"
  std::string action;  // "start", "exec_create: sh -c true", "health_status: healthy"
  std::string actor;   // id or name of what it happened to
  std::map<std::string, std::string> attributes;
  TimeNs time = 0;  // set by publish()
};
using EventRef = std::shared_ptr<const Event>;

class Events {
 public:
  using Listener = std::function<void(const EventRef&)>;
  static constexpr std::size_t kKept = 4096;  // at least so many

  // Writes what is published there from now on (event_log.h). Before anybody else uses this object.
  Result<void> keep_in(const std::string& directory);

  void publish(Event event);

  // The listener runs on the publisher's thread, one event at a time, and must neither block nor call this
  // object: hand the event to a loop. With `since`, the kept events from that time on come first, before
  // this call returns; none is missed or comes twice.
  Subscription subscribe(Listener listener);
  Subscription subscribe(Listener listener, TimeNs since);
  // The last ones that earlier processes have published there: some hundreds, in order.
  std::vector<Event> last_of_earlier() const;
  // Kept events with since <= time <= until, in order.
  std::vector<EventRef> between(TimeNs since, TimeNs until) const;

 private:
  Subscription add(Listener listener) REQUIRES(mutex_);
  void keep(const EventRef& event) REQUIRES(mutex_);
  std::vector<EventRef> kept_since(TimeNs since) const REQUIRES(mutex_);

  mutable Mutex mutex_;  // guards what follows
  std::optional<EventLog> log_ GUARDED_BY(mutex_);
  TimeNs log_began_ GUARDED_BY(mutex_) = 0;           // what is older in the log is of earlier processes
  std::deque<EventRef> unlogged_ GUARDED_BY(mutex_);  // what the log does not have
  std::list<Listener> listeners_ GUARDED_BY(mutex_);
  TimeNs last_ GUARDED_BY(mutex_) = 0;
};

}  // namespace gantry::engine
