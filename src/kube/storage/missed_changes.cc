// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/missed_changes.h"

#include <fmt/format.h>

#include "base/mutex.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kMaxBytes = 4 << 20;
constexpr std::chrono::seconds kPatience{3};

// Collects what the store tells until it has told everything up to a revision.
class Collecting final : public store::WatchSink {
 public:
  Collecting(const Collection& collection, store::Revision until)
      : keys_(store::KeyRange::prefix(collection.key_prefix())), until_(until) {}

  void on_events(std::span<const store::Event> events) override {
    MutexLock lock(mutex_);
    for (const store::Event& event : events) {
      is_done_ |= event.modified >= until_ || bytes_ > kMaxBytes;
      if (event.modified > until_ || bytes_ > kMaxBytes || !keys_.contains(event.key)) continue;
      bytes_ += event.key.size() + event.value.size();
      events_.push_back(event);
    }
    changed_.notify_all();
  }
  void on_end(const Error&) override {
    MutexLock lock(mutex_);
    is_done_ = has_failed_ = true;
    changed_.notify_all();
  }

  // Nothing: not all of them can be had.
  std::optional<std::vector<store::Event>> wait() {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    MutexLock lock(mutex_);
    while (!is_done_)
      if (!changed_.wait_until(mutex_, deadline)) break;
    if (!is_done_ || has_failed_ || bytes_ > kMaxBytes) return std::nullopt;
    return std::move(events_);
  }

 private:
  const store::KeyRange keys_;
  const store::Revision until_;
  Mutex mutex_;  // guards what follows
  std::vector<store::Event> events_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  bool is_done_ GUARDED_BY(mutex_) = false;
  bool has_failed_ GUARDED_BY(mutex_) = false;
  CondVar changed_;
};

Result<ObjectRef> object_before(store::Store& store, const ObjectCache& cache, const Collection& collection,
                                const store::Event& event) {
  if (event.version == 1) return ObjectRef();
  const auto before = TRY(store.get(event.key, event.modified - 1));
  if (!before) return ObjectRef();
  return cache.object_of(collection, *before);
}

Result<std::vector<ChangeRef>> changes_of(store::Store& store, const ObjectCache& cache,
                                          const Collection& collection,
                                          const std::vector<store::Event>& events) {
  std::vector<ChangeRef> changes;
  for (const store::Event& event : events) {
    const bool is_deletion = store::is_deletion(event);
    ObjectRef before = TRY(object_before(store, cache, collection, event));
    if (is_deletion && !before) continue;
    ObjectRef now = is_deletion ? before->at(event.modified, {}) : TRY(cache.object_of(collection, event));
    changes.push_back(make_counted<const Change>(std::move(now), std::move(before), is_deletion));
  }
  return changes;
}

}  // namespace

Answer<std::vector<ChangeRef>> missed_changes(store::Store& store, const ObjectCache& cache,
                                              const Collection& collection, store::Revision after,
                                              store::Revision until) {
  const auto read = [&]() -> Result<std::vector<ChangeRef>> {
    Collecting collecting(collection, until);
    // Of all keys: what comes at `until` may be of another kind.
    const auto watch = TRY(store.watch(store::KeyRange::all(), after, collecting));
    const auto events = collecting.wait();
    if (!events) return error(Code::Conflict, "changes after revision {} are too many", after);
    return changes_of(store, cache, collection, *events);
  };
  auto changes = read();
  if (changes) return *std::move(changes);
  if (changes.error().code() != Code::Conflict) return std::move(changes).error();
  return gone(fmt::format("too old resource version: {} ({})", after, until));
}

}  // namespace gantry::kube
