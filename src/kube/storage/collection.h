// SPDX-License-Identifier: Apache-2.0
//
// All objects of one kind, in memory: as they are, their latest changes, and who watches them. The cache
// (object_cache.h) changes it, one thread at a time; everything else is for any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "kube/storage/history.h"
#include "kube/storage/indexes.h"
#include "kube/storage/object_map.h"
#include "kube/storage/search.h"
#include "kube/storage/selection.h"
#include "kube/storage/watch_table.h"

namespace gantry::kube {

class WatchStream;

// What the objects of a collection are made with. A new one is made when a field comes to it; a field keeps
// its place for good, so a Selection of an older one stays right.
struct FieldTable {
  std::vector<SelectableField> fields;
  std::vector<FieldPath> paths;
};

class Collection {
 public:
  using Time = History::Time;

  explicit Collection(std::string stored_as);
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

  const std::string& stored_as() const { return stored_as_; }
  // "/registry/pods/default/web".
  std::string key_of(std::string_view path) const { return key_prefix_ + std::string(path); }
  const std::string& key_prefix() const { return key_prefix_; }

  // ---- Reading

  std::shared_ptr<const FieldTable> fields() const;
  // Null if there is none.
  ObjectRef find(std::string_view path) const;
  struct Snapshot {
    ObjectMap objects;
    std::optional<Term> part = {};   // what all of them have, if they are not everything
    store::Revision changed = 0;     // when the last change was that it shows
    History::Sequence sequence = 0;  // the number of the next change
  };
  Snapshot snapshot() const;
  // With what is selected, but maybe without what is not.
  Snapshot snapshot_for(const Selection& selection);
  // From those who have searched a snapshot: next time it may have less that is not selected.
  void learn_from(const Search& search);
  // See History.
  store::Revision known_since() const;
  std::optional<History::Sequence> changes_after(store::Revision revision) const;
  std::optional<std::vector<ChangeRef>> changes_from(History::Sequence sequence, std::size_t most) const;

  // Of a snapshot that somebody reads page by page, by the revision he knows; a few are kept for a while.
  void keep(store::Revision revision, const Snapshot& snapshot);
  std::optional<Snapshot> kept_for(store::Revision revision, const Selection& selection) const;

  // ---- By the cache

  // Makes the objects anew if a field was not there before.
  void add_fields(const std::vector<SelectableField>& fields);
  void put(ObjectRef object, Time now);
  void remove(std::string_view path, store::Revision revision, Time now);
  // Everything is as `objects` from now on, whatever happened in between; watches end.
  void restart(ObjectMap objects, store::Revision revision);
  void forget_before(Time time);

  // ---- Watches

  // Looks at the changes since the last call and wakes whoever waits for one of them. One thread at a time.
  void tell_watches();
  // Is told that there are changes, at once and then by tell_watches().
  class Listener {
   public:
    virtual ~Listener() = default;
    // One call at a time.
    virtual void on_changes() = 0;
  };
  void add_listener(Listener& listener);
  // It is not called any more.
  void remove_listener(Listener& listener);
  // Ends those whose time is over, and has others send their bookmarks. How many watches there are.
  std::size_t look_at_time(Time now);

 private:
  friend class WatchStream;
  static constexpr std::size_t kKeptSnapshots = 16;

  void add(WatchStream& stream) EXCLUDES(watches_mutex_);
  void remove(WatchStream& stream) EXCLUDES(watches_mutex_);
  void wake_watches() EXCLUDES(watches_mutex_);
  void bring_indexes_along();
  void bring_indexes_to(History::Sequence end) REQUIRES(indexes_mutex_);
  History::Sequence end_of_changes() const;
  void change(ObjectRef object, ObjectRef before, bool is_deletion, Time now) REQUIRES(mutex_);

  const std::string stored_as_;
  const std::string key_prefix_;

  // Before mutex_, where both are held.
  Mutex indexes_mutex_;  // guards what follows
  Indexes indexes_ GUARDED_BY(indexes_mutex_);

  mutable Mutex mutex_;  // guards what follows
  std::shared_ptr<const FieldTable> fields_ GUARDED_BY(mutex_);
  ObjectMap objects_ GUARDED_BY(mutex_);
  History history_ GUARDED_BY(mutex_);
  struct Kept {
    store::Revision revision;
    Snapshot snapshot;
    Time since;
  };
  std::vector<Kept> kept_ GUARDED_BY(mutex_);

  // Held while listeners are called.
  Mutex listeners_mutex_;  // guards what follows
  std::vector<Listener*> listeners_ GUARDED_BY(listeners_mutex_);

  // Held while streams are woken: who has gone is not woken any more. Before mutex_, where both are held.
  Mutex watches_mutex_;  // guards what follows, and what each stream says is guarded by it
  WatchTable watches_ GUARDED_BY(watches_mutex_);
  History::Sequence told_ GUARDED_BY(watches_mutex_) = 1;  // changes before this one were looked at
};

}  // namespace gantry::kube
