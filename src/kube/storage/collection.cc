// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/collection.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/storage/object_cache.h"
#include "kube/storage/watch_stream.h"

namespace gantry::kube {

// How many changes are looked at under one lock. Indexes are brought along when so many have come.
static constexpr std::size_t kTurn = 256;

Collection::Collection(std::string stored_as)
    : stored_as_(std::move(stored_as)),
      key_prefix_(fmt::format("{}{}/", kKeyRoot, stored_as_)),
      fields_(std::make_shared<const FieldTable>()) {}

// ---- Reading

std::shared_ptr<const FieldTable> Collection::fields() const {
  MutexLock lock(mutex_);
  return fields_;
}

ObjectRef Collection::find(std::string_view path) const {
  MutexLock lock(mutex_);
  return ObjectRef(objects_.find(path));
}

Collection::Snapshot Collection::snapshot() const {
  MutexLock lock(mutex_);
  return {.objects = objects_, .changed = history_.revision(), .sequence = history_.end()};
}

Collection::Snapshot Collection::snapshot_for(const Selection& selection) {
  const std::vector<Term> terms = selection.terms();
  if (terms.empty()) return snapshot();
  MutexLock lock(indexes_mutex_);
  Snapshot now = snapshot();
  bring_indexes_to(now.sequence);
  auto part = indexes_.narrow(now.objects, selection.prefix(), terms, std::chrono::steady_clock::now());
  if (!part) return now;
  now.objects = std::move(part->objects);
  now.part = std::move(part->has);
  return now;
}

void Collection::learn_from(const Search& search) {
  if (!Indexes::would_help(search)) return;
  MutexLock lock(indexes_mutex_);
  indexes_.learn_from(search, std::chrono::steady_clock::now());
}

History::Sequence Collection::end_of_changes() const {
  MutexLock lock(mutex_);
  return history_.end();
}

void Collection::bring_indexes_to(History::Sequence end) {
  if (!indexes_.are_made()) return indexes_.restart(end);
  while (indexes_.next() < end) {
    const auto changes = changes_from(indexes_.next(), std::min(kTurn, end - indexes_.next()));
    if (!changes) return indexes_.restart(end);
    indexes_.apply(*changes);
  }
}

// So that who asks does not find them far behind, and what has gone does not live on in them.
void Collection::bring_indexes_along() {
  if (!indexes_mutex_.try_lock()) return;  // whoever has them does it
  if (const auto end = end_of_changes(); end - indexes_.next() >= kTurn) bring_indexes_to(end);
  indexes_mutex_.unlock();
}

store::Revision Collection::known_since() const {
  MutexLock lock(mutex_);
  return history_.known_since();
}

std::optional<History::Sequence> Collection::changes_after(store::Revision revision) const {
  MutexLock lock(mutex_);
  return history_.after(revision);
}

std::optional<std::vector<ChangeRef>> Collection::changes_from(History::Sequence sequence,
                                                               std::size_t most) const {
  MutexLock lock(mutex_);
  return history_.from(sequence, most);
}

void Collection::keep(store::Revision revision, const Snapshot& snapshot) {
  MutexLock lock(mutex_);
  const auto is_same = [&](const Kept& kept) {
    return kept.revision == revision && kept.snapshot.part == snapshot.part;
  };
  if (std::ranges::any_of(kept_, is_same)) return;
  if (kept_.size() == kKeptSnapshots) kept_.erase(kept_.begin());
  kept_.push_back({revision, snapshot, std::chrono::steady_clock::now()});
}

std::optional<Collection::Snapshot> Collection::kept_for(store::Revision revision,
                                                         const Selection& selection) const {
  const std::vector<Term> terms = selection.terms();
  MutexLock lock(mutex_);
  const Kept* best = nullptr;
  for (const Kept& kept : kept_) {
    if (kept.revision != revision) continue;
    const std::optional<Term>& part = kept.snapshot.part;
    if (part ? std::ranges::find(terms, *part) != terms.end() : best == nullptr) best = &kept;
  }
  if (best == nullptr) return std::nullopt;
  return best->snapshot;
}

// ---- By the cache

void Collection::add_fields(const std::vector<SelectableField>& fields) {
  MutexLock indexes(indexes_mutex_);
  MutexLock lock(mutex_);
  auto table = std::make_shared<FieldTable>(*fields_);
  for (const SelectableField& field : fields) {
    if (std::ranges::find(table->fields, field.name, &SelectableField::name) != table->fields.end()) continue;
    if (table->fields.size() == kMaxFieldPaths) break;
    table->fields.push_back(field);
    table->paths.push_back(field.path);
  }
  if (table->fields.size() == fields_->fields.size()) return;
  fields_ = std::move(table);
  ObjectMap made;
  for (auto at = objects_.lower_bound(""); at != objects_.end(); at = objects_.next(at)) {
    const Object& object = *objects_.at(at);
    made.put(object.at(object.revision(), fields_->paths));
  }
  objects_ = std::move(made);
  // Nobody is to find the field missing in what was made without it.
  indexes_.restart(history_.end());
  kept_.clear();
}

void Collection::put(ObjectRef object, Time now) {
  MutexLock lock(mutex_);
  ObjectRef before = objects_.put(object);
  change(std::move(object), std::move(before), false, now);
}

void Collection::remove(std::string_view path, store::Revision revision, Time now) {
  MutexLock lock(mutex_);
  ObjectRef before = objects_.remove(path);
  if (!before) return;
  ObjectRef last = before->at(revision, {});
  change(std::move(last), std::move(before), true, now);
}

void Collection::change(ObjectRef object, ObjectRef before, bool is_deletion, Time now) {
  history_.add(make_counted<const Change>(std::move(object), std::move(before), is_deletion), now);
}

void Collection::restart(ObjectMap objects, store::Revision revision) {
  MutexLock indexes(indexes_mutex_);
  MutexLock lock(mutex_);
  objects_ = std::move(objects);
  history_.restart(revision);
  indexes_.restart(history_.end());
}

void Collection::forget_before(Time time) {
  MutexLock indexes(indexes_mutex_);
  indexes_.forget_unused_since(time);
  MutexLock lock(mutex_);
  history_.forget_before(time);
  std::erase_if(kept_, [&](const Kept& kept) { return kept.since < time; });
}

// ---- Watches

void Collection::add(WatchStream& stream) {
  MutexLock lock(watches_mutex_);
  watches_.add(stream);
}

void Collection::remove(WatchStream& stream) {
  MutexLock lock(watches_mutex_);
  watches_.remove(stream);
}

void Collection::add_listener(Listener& listener) {
  MutexLock lock(listeners_mutex_);
  listeners_.push_back(&listener);
  listener.on_changes();
}

void Collection::remove_listener(Listener& listener) {
  MutexLock lock(listeners_mutex_);
  std::erase(listeners_, &listener);
}

void Collection::tell_watches() {
  wake_watches();
  {
    MutexLock lock(listeners_mutex_);
    for (Listener* listener : listeners_) listener->on_changes();
  }
  bring_indexes_along();
}

void Collection::wake_watches() {
  for (;;) {
    MutexLock lock(watches_mutex_);
    const std::optional<std::vector<ChangeRef>> changes = changes_from(told_, kTurn);
    if (!changes) {
      // Some are forgotten already: whoever waits looks for himself what that is to him.
      told_ = snapshot().sequence;
      watches_.for_each([](WatchStream& stream) { stream.wake_up(0); });
      return;
    }
    if (changes->empty()) return;
    for (const ChangeRef& change : *changes) {
      const History::Sequence number = told_++;
      watches_.for_each_near(*change, [&](WatchStream& stream) {
        if (stream.is_waiting_ && stream.concerns(*change)) stream.wake_up(number);
      });
    }
  }
}

std::size_t Collection::look_at_time(Time now) {
  MutexLock lock(watches_mutex_);
  const History::Sequence told = told_;
  std::size_t count = 0;
  watches_.for_each([&](WatchStream& stream) {
    ++count;
    stream.look_at_time(now, told);
  });
  return count;
}

}  // namespace gantry::kube
