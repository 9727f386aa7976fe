// SPDX-License-Identifier: Apache-2.0
//
// A watch, as who sends it to a client sees it: it has no thread and no queue. It knows how far its client is
// along the changes of a collection, and gives the next ones when it is asked; what many watches send is the
// same bytes. Who is so slow that the changes are forgotten meanwhile is told "Expired" and ended.
//
//   std::vector<WatchEvent> events;
//   while (stream.take(events, 64 << 10) == WatchStream::State::Open && !events.empty()) send(events);
//   // none: stream's wake is called once there may be more
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/shared_bytes.h"
#include "kube/api/status.h"
#include "kube/storage/collection.h"
#include "kube/storage/search.h"

namespace gantry::kube {

class ObjectCache;

struct WatchEvent {
  enum class Type : std::uint8_t { Added, Modified, Deleted, Bookmark, Error };
  Type type = Type::Added;
  SharedBytes object;  // JSON; of Error: a Status
  SharedBytes before;  // of Modified, for WatchOptions::show: what it was; empty: it was not selected
};

// {"type":"ADDED","object": and what is behind the object, with its line break: one event in JSON.
const SharedBytes& frame_head(WatchEvent::Type type);
const SharedBytes& frame_tail();

struct WatchOptions {
  Selection selection;
  bool sends_initial = false;         // what is there is told first, as Added
  bool marks_end_of_initial = false;  // behind it a bookmark that says so
  // Otherwise: changes after this revision. Nothing: from now on.
  std::optional<store::Revision> after;
  // What was between that and `missed_until`, where the collection does not remember it (missed_changes.h).
  std::vector<ChangeRef> missed;
  store::Revision missed_until = 0;
  bool has_bookmarks = false;
  std::chrono::milliseconds time{};  // then it ends; 0: never
  // What bookmarks are of.
  std::string api_version;
  std::string kind;
  // Makes of events what is sent of them, if that is something else: objects in another version. May leave
  // some out. A failure is told, and ends the watch. Empty: events stay as they are.
  std::function<Answer<void>(std::vector<WatchEvent>&)> show;
};

class WatchStream {
 public:
  enum class State : std::uint8_t { Open, Ended };
  using Time = Collection::Time;

  // 410 if changes after that revision are forgotten. Cache and collection outlive it.
  static Answer<std::unique_ptr<WatchStream>> open(const ObjectCache& cache, Collection& collection,
                                                   WatchOptions options);
  WatchStream(const WatchStream&) = delete;
  WatchStream& operator=(const WatchStream&) = delete;
  ~WatchStream();  // not from inside of wake

  // Before the first take(). It is for any thread, must be quick and not call this stream; it is called at
  // least once after a take() that added nothing, when there may be something.
  void set_wake(std::function<void()> wake) { wake_ = std::move(wake); }
  // Adds what there is and was not taken yet, about `bytes` of it. One thread at a time. Blocks only if
  // options.show does.
  State take(std::vector<WatchEvent>& events, std::size_t bytes);

  const Selection& selection() const { return options_.selection; }

 private:
  friend class Collection;
  friend class WatchTable;
  class Taking;

  WatchStream(const ObjectCache& cache, Collection& collection, WatchOptions options);
  Answer<void> begin();
  bool concerns(const Change& change) const;
  State collect(std::vector<WatchEvent>& events, std::size_t bytes);
  State collect_shown(std::vector<WatchEvent>& events, std::size_t bytes);
  // By the collection, which holds its watches_mutex_. Changes before `next` are none of its concern.
  void wake_up(History::Sequence next);
  void look_at_time(Time now, History::Sequence told);
  bool rest();

  const ObjectCache& cache_;
  Collection& collection_;
  std::vector<ChangeRef> missed_;  // of who takes
  const WatchOptions options_;
  std::function<void()> wake_;

  // Of who takes.
  std::optional<Search> initial_;  // what is there when the watch begins
  store::Revision seen_ = 0;       // everything up to here was told; events up to here are not told again
  bool has_ended_ = false;

  // Guarded by the collection's watches_mutex_.
  History::Sequence next_ = 0;  // the change to look at next
  bool is_waiting_ = false;     // take() has added nothing; what is told now is looked at for it
  bool is_bookmark_due_ = false;
  bool is_over_ = false;  // its time
  Time over_at_{};
  Time next_bookmark_{};
  std::size_t slot_ = 0;  // in the collection's table
};

}  // namespace gantry::kube
