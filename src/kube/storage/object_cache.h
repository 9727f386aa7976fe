// SPDX-License-Identifier: Apache-2.0
//
// Every object of the cluster in memory: filled from the store at the start, then kept by one watch of it.
// What a client is told to be written is in here already.
//
//   auto cache = TRY(ObjectCache::open(store, {.kinds = ...}));
//   ObjectRef pod = cache->collection("pods").find("default/web");
//
// One thread of its own tells watches (watch_stream.h); it sleeps as long as nothing changes and nobody
// watches. All calls are for any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/mutex.h"
#include "kube/api/status.h"
#include "kube/storage/collection.h"
#include "kube/storage/revision_probe.h"
#include "kube/storage/value_transformer.h"
#include "store/store.h"

namespace gantry::kube {

inline constexpr std::string_view kKeyRoot = "/registry/";

struct StoredKind {
  std::string stored_as;  // "pods", "apps/deployments"
  std::vector<SelectableField> fields;
};

struct CacheOptions {
  // Those of the core group must be here. What belongs to others ("example.com/widgets") is found by itself.
  std::vector<StoredKind> kinds;
  const ValueTransformer* transformer = nullptr;  // null: values are as they are
  // Other servers write to the store, too: "the most recent" has to be asked for.
  bool is_shared = false;
  const Logger* log = nullptr;  // of objects that cannot be read; null: nobody is told
};

class ObjectCache final : private store::WatchSink {
 public:
  // Store, transformer and log outlive it.
  static Result<std::unique_ptr<ObjectCache>> open(store::Store& store, CacheOptions options);
  ObjectCache(const ObjectCache&) = delete;
  ObjectCache& operator=(const ObjectCache&) = delete;
  // Nobody calls any more, and no WatchStream is left.
  ~ObjectCache() override;

  // Made if there is none; lives as long as the cache.
  Collection& collection(std::string_view stored_as);
  // How many objects there are of each, by where they are stored: "apps/deployments".
  std::vector<std::pair<std::string, std::size_t>> counts() const;
  // Another kind, or further fields of one.
  void declare(const StoredKind& kind);

  // All changes up to here are in the collections.
  store::Revision revision() const { return revision_.load(std::memory_order_acquire); }
  // False when `time` passes first.
  bool wait_for(store::Revision revision, std::chrono::milliseconds time) const;
  // Waits for everything that any client of the store has been told to be done. 504 if that takes too long.
  Answer<void> become_fresh() const;

  // What is at a key of the collection in the store, now or before. DataLoss if it cannot be read.
  Result<ObjectRef> object_of(const Collection& collection, const store::KeyValue& item) const;
  const ValueTransformer* transformer() const { return options_.transformer; }
  bool is_shared() const { return options_.is_shared; }
  // Somebody watches from now on.
  void begin_ticking() const;

 private:
  ObjectCache(store::Store& store, CacheOptions options);
  using ObjectMaps = std::map<const Collection*, ObjectMap>;
  Result<void> load();
  Result<void> read_page(const store::RangeResult& page, ObjectMaps& objects);
  Result<void> begin_watch();
  void on_events(std::span<const store::Event> events) override;
  void on_end(const Error& why) override;
  // An error if the event has to be seen again, later.
  Result<void> apply(Collection& collection, const store::Event& event, Collection::Time now);
  // Null: it is no object's key.
  Collection* find_collection(std::string_view key);
  Collection& collection_locked(std::string_view stored_as) REQUIRES(mutex_);
  void say_unreadable(std::string_view key, const Error& why) const;
  std::vector<Collection*> collections() const;
  void work();
  bool look_at_time(Collection::Time now);
  void begin_anew();

  store::Store& store_;
  const CacheOptions options_;
  mutable RevisionProbe probe_;
  std::atomic<store::Revision> revision_ = 0;

  mutable Mutex mutex_;  // guards what follows
  std::map<std::string, std::unique_ptr<Collection>, std::less<>> collections_ GUARDED_BY(mutex_);

  mutable Mutex progress_mutex_;  // guards what follows
  mutable CondVar advanced_;
  mutable CondVar wanted_;                                        // work, by the thread
  std::vector<Collection*> changed_ GUARDED_BY(progress_mutex_);  // watches of them are to be told
  bool is_stopping_ GUARDED_BY(progress_mutex_) = false;
  mutable bool is_ticking_ GUARDED_BY(progress_mutex_) = false;
  mutable Collection::Time next_tick_ GUARDED_BY(progress_mutex_){};
  bool has_lost_watch_ GUARDED_BY(progress_mutex_) = false;

  bool is_behind_ = false;  // of whom the watch calls: it passes over events until it is a new one
  std::unique_ptr<store::Watch> watch_;  // of the thread, once it runs
  std::thread thread_;
};

}  // namespace gantry::kube
