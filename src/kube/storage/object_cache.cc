// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/object_cache.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/beside.h"
#include "base/thread_pool.h"

namespace gantry::kube {

using std::chrono::steady_clock;

// What is read at once at the start: about so many bytes, which are then in memory twice.
static constexpr std::size_t kPageBytes = 16 << 20;
static constexpr std::size_t kFirstPage = 500;  // objects
static constexpr std::size_t kMaxPage = 50'000;
// How long the latest changes are remembered, for watches to resume from.
static constexpr std::chrono::minutes kHistory{5};
// While somebody watches, and while nobody does.
static constexpr std::chrono::seconds kTick{1};
static constexpr std::chrono::seconds kIdleTick{60};
static constexpr std::chrono::seconds kFreshness{3};

// ---- Opening

ObjectCache::ObjectCache(store::Store& store, CacheOptions options)
    : store_(store), options_(std::move(options)), probe_(store) {
  for (const StoredKind& kind : options_.kinds) declare(kind);
}

Result<std::unique_ptr<ObjectCache>> ObjectCache::open(store::Store& store, CacheOptions options) {
  std::unique_ptr<ObjectCache> cache(new ObjectCache(store, std::move(options)));
  TRY_DURING(cache->load(), "read all objects");
  TRY_DURING(cache->begin_watch(), "watch all objects");
  cache->thread_ = std::thread([&cache = *cache] { cache.work(); });
  return cache;
}

ObjectCache::~ObjectCache() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(progress_mutex_);
    is_stopping_ = true;
    wanted_.notify_one();
  }
  thread_.join();
}

// What comes behind a page, about as many bytes as kPageBytes. Few pages, since the store counts what is left
// for each of them.
static store::RangeRequest request_behind(const store::RangeResult& page,
                                          const store::RangeRequest& request) {
  std::size_t bytes = 1;
  for (const store::KeyValue& item : page.items) bytes += item.value.size();
  store::RangeRequest next = request;
  next.at = request.at == 0 ? page.revision : request.at;
  next.keys.first = page.items.back().key + '\0';
  next.limit = std::clamp(kPageBytes * page.items.size() / bytes, kFirstPage, kMaxPage);
  return next;
}

// Not for good: whoever decrypts the value cannot be asked just now.
static bool is_unreadable_now(const Error& why) {
  return why.code() == Code::Unavailable || why.code() == Code::TimedOut;
}

Result<void> ObjectCache::read_page(const store::RangeResult& page, ObjectMaps& objects) {
  for (const store::KeyValue& item : page.items) {
    const Collection* collection = find_collection(item.key);
    if (collection == nullptr) continue;
    auto object = object_of(*collection, item);
    if (object)
      objects[collection].put(*std::move(object));
    else if (is_unreadable_now(object.error()))
      return std::move(object).error();
    else
      say_unreadable(item.key, object.error());
  }
  return {};
}

Result<void> ObjectCache::load() {
  ThreadPool pool({.name = "kube-load", .max_threads = 1});
  ObjectMaps objects;
  store::RangeRequest request{.keys = store::KeyRange::prefix(kKeyRoot), .limit = kFirstPage};
  Result<store::RangeResult> next = store_.range(request);
  store::Revision revision = 0;
  for (bool is_last = false; !is_last;) {
    const store::RangeResult page = TRY(std::move(next));
    revision = request.at == 0 ? page.revision : request.at;
    is_last = page.items.size() < request.limit;
    std::optional<Beside> reading;  // the next page, while this one is looked at
    if (!is_last) {
      request = request_behind(page, request);
      reading.emplace(pool, [&] { next = store_.range(request); });
    }
    TRY(read_page(page, objects));
  }
  MutexLock lock(mutex_);
  for (const auto& [name, collection] : collections_)
    collection->restart(std::move(objects[collection.get()]), revision);
  revision_.store(revision, std::memory_order_release);
  return {};
}

// Of all keys: every revision of the store is one of ours, so that nobody waits for one that never comes.
Result<void> ObjectCache::begin_watch() {
  watch_ = TRY(store_.watch(store::KeyRange::all(), revision(), *this));
  return {};
}

// ---- Collections

Collection& ObjectCache::collection_locked(std::string_view stored_as) {
  const auto found = collections_.find(stored_as);
  if (found != collections_.end()) return *found->second;
  auto made = std::make_unique<Collection>(std::string(stored_as));
  // Nothing is in it, and nothing was since the start.
  made->restart(ObjectMap(), revision());
  return *collections_.emplace(stored_as, std::move(made)).first->second;
}

Collection& ObjectCache::collection(std::string_view stored_as) {
  MutexLock lock(mutex_);
  return collection_locked(stored_as);
}

void ObjectCache::declare(const StoredKind& kind) { collection(kind.stored_as).add_fields(kind.fields); }

// "pods/default/web" is of a kind of the core group, "apps/deployments/default/web" of another's.
Collection* ObjectCache::find_collection(std::string_view key) {
  if (!key.starts_with(kKeyRoot)) return nullptr;
  const std::string_view rest = key.substr(kKeyRoot.size());
  const std::size_t first = rest.find('/');
  if (first == std::string_view::npos) return nullptr;
  MutexLock lock(mutex_);
  if (const auto found = collections_.find(rest.substr(0, first)); found != collections_.end())
    return found->second.get();
  const std::size_t second = rest.find('/', first + 1);
  return second == std::string_view::npos ? nullptr : &collection_locked(rest.substr(0, second));
}

// ---- Changes of the store

static std::string_view path_of(const Collection& collection, std::string_view key) {
  return key.substr(collection.key_prefix().size());
}

Result<ObjectRef> ObjectCache::object_of(const Collection& collection, const store::KeyValue& item) const {
  const ValueTransformer* transformer = options_.transformer;
  const std::string_view path = path_of(collection, item.key);
  const auto fields = collection.fields();
  if (transformer == nullptr || !transformer->is_for(collection.stored_as()))
    return Object::make(path, item.value.view(), item.modified, fields->paths);
  const std::string text = TRY(transformer->from_store(collection.stored_as(), item.key, item.value.view()));
  return Object::make(path, text, item.modified, fields->paths);
}

void ObjectCache::say_unreadable(std::string_view key, const Error& why) const {
  if (options_.log != nullptr)
    options_.log->error("object left out: it cannot be read", {{"key", key}, {"error", why.message()}});
}

Result<void> ObjectCache::apply(Collection& collection, const store::Event& event, Collection::Time now) {
  if (!store::is_deletion(event)) {
    auto object = object_of(collection, event);
    if (object) {
      collection.put(*std::move(object), now);
      return {};
    }
    if (is_unreadable_now(object.error())) return std::move(object).error();
    say_unreadable(event.key, object.error());
  }
  collection.remove(path_of(collection, event.key), event.modified, now);
  return {};
}

void ObjectCache::on_events(std::span<const store::Event> events) {
  if (is_behind_) return;
  const Collection::Time now = steady_clock::now();
  std::vector<Collection*> changed;
  for (const store::Event& event : events) {
    Collection* collection = find_collection(event.key);
    if (collection == nullptr) continue;
    // Nobody is to see an object vanish that is there: what is known stays, until all can be read again.
    if (const auto applied = apply(*collection, event, now); !applied) {
      is_behind_ = true;
      return on_end(applied.error());
    }
    if (std::ranges::find(changed, collection) == changed.end()) changed.push_back(collection);
  }
  MutexLock lock(progress_mutex_);
  revision_.store(events.back().modified, std::memory_order_release);
  advanced_.notify_all();
  if (changed.empty()) return;
  changed_.insert(changed_.end(), changed.begin(), changed.end());
  wanted_.notify_one();
}

void ObjectCache::on_end(const Error& why) {
  if (options_.log != nullptr)
    options_.log->warn("watch of the store ended: all objects are read anew", {{"error", why.message()}});
  MutexLock lock(progress_mutex_);
  has_lost_watch_ = true;
  wanted_.notify_one();
}

// ---- Waiting

bool ObjectCache::wait_for(store::Revision revision, std::chrono::milliseconds time) const {
  if (this->revision() >= revision) return true;
  const auto deadline = steady_clock::now() + time;
  MutexLock lock(progress_mutex_);
  while (this->revision() < revision)
    if (!advanced_.wait_until(progress_mutex_, deadline)) return this->revision() >= revision;
  return true;
}

Answer<void> ObjectCache::become_fresh() const {
  if (!options_.is_shared) return {};
  const store::Revision now = TRY(probe_.ask());
  if (wait_for(now, kFreshness)) return {};
  return timed_out(
      fmt::format("the store is at revision {}, and what it tells of only at {}", now, revision()));
}

// ---- The thread

void ObjectCache::begin_ticking() const {
  MutexLock lock(progress_mutex_);
  if (std::exchange(is_ticking_, true)) return;
  next_tick_ = steady_clock::now() + kTick;
  wanted_.notify_one();
}

void ObjectCache::work() {
  MutexLock lock(progress_mutex_);
  while (!is_stopping_) {
    if (has_lost_watch_) {
      has_lost_watch_ = false;
      lock.unlock();
      begin_anew();
      lock.lock();
    } else if (!changed_.empty()) {
      const std::vector<Collection*> changed = std::exchange(changed_, {});
      lock.unlock();
      for (Collection* collection : changed) collection->tell_watches();
      lock.lock();
    } else if (const auto now = steady_clock::now(); now >= next_tick_) {
      is_ticking_ = false;
      lock.unlock();
      const bool has_watches = look_at_time(now);
      lock.lock();
      is_ticking_ |= has_watches;  // one may have begun meanwhile
      next_tick_ = now + (is_ticking_ ? kTick : kIdleTick);
    } else {
      wanted_.wait_until(progress_mutex_, next_tick_);
    }
  }
}

std::vector<Collection*> ObjectCache::collections() const {
  MutexLock lock(mutex_);
  std::vector<Collection*> all;
  for (const auto& [name, collection] : collections_) all.push_back(collection.get());
  return all;
}

bool ObjectCache::look_at_time(Collection::Time now) {
  std::size_t watches = 0;
  for (Collection* collection : collections()) {
    collection->forget_before(now - kHistory);
    watches += collection->look_at_time(now);
  }
  return watches != 0;
}

// What happened in between is not known: watches end, and their clients list again.
void ObjectCache::begin_anew() {
  watch_.reset();
  is_behind_ = false;
  const auto read = [&]() -> Result<void> {
    TRY(load());
    return begin_watch();
  };
  const Result<void> done = read();
  if (!done && options_.log != nullptr)
    options_.log->warn("the store cannot be read: trying again", {{"error", done.error().message()}});
  const std::vector<Collection*> all = collections();
  MutexLock lock(progress_mutex_);
  advanced_.notify_all();
  if (done) {
    changed_ = all;
    return;
  }
  has_lost_watch_ = true;
  if (!is_stopping_) wanted_.wait_until(progress_mutex_, steady_clock::now() + kTick);
}

std::vector<std::pair<std::string, std::size_t>> ObjectCache::counts() const {
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (const Collection* collection : collections())
    counts.emplace_back(collection->stored_as(), collection->snapshot().objects.size());
  return counts;
}

}  // namespace gantry::kube
