// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/collection.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/storage/object_cache.h"
#include "kube/storage/watch_stream.h"

namespace gantry::kube {

// How many changes are looked at under one lock.
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
  return {objects_, history_.revision(), history_.end()};
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

void Collection::keep(store::Revision revision, const ObjectMap& objects) {
  MutexLock lock(mutex_);
  if (std::ranges::find(kept_, revision, &Kept::revision) != kept_.end()) return;
  if (kept_.size() == kKeptSnapshots) kept_.erase(kept_.begin());
  kept_.push_back({revision, objects, std::chrono::steady_clock::now()});
}

std::optional<ObjectMap> Collection::kept(store::Revision revision) const {
  MutexLock lock(mutex_);
  const auto found = std::ranges::find(kept_, revision, &Kept::revision);
  if (found == kept_.end()) return std::nullopt;
  return found->objects;
}

// ---- By the cache

void Collection::add_fields(const std::vector<SelectableField>& fields) {
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
  MutexLock lock(mutex_);
  objects_ = std::move(objects);
  history_.restart(revision);
}

void Collection::forget_before(Time time) {
  MutexLock lock(mutex_);
  history_.forget_before(time);
  std::erase_if(kept_, [&](const Kept& kept) { return kept.since < time; });
}

// ---- Watches

void Collection::add(WatchStream& stream) {
  MutexLock lock(watches_mutex_);
  Watches& watches = watches_[stream.options_.selection.name_space()];
  stream.slot_ = watches.size();
  watches.push_back(&stream);
}

void Collection::remove(WatchStream& stream) {
  MutexLock lock(watches_mutex_);
  const auto found = watches_.find(stream.options_.selection.name_space());
  Watches& watches = found->second;
  watches.back()->slot_ = stream.slot_;
  std::swap(watches[stream.slot_], watches.back());
  watches.pop_back();
  if (watches.empty()) watches_.erase(found);
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
  MutexLock lock(listeners_mutex_);
  for (Listener* listener : listeners_) listener->on_changes();
}

void Collection::wake_watches() {
  for (;;) {
    MutexLock lock(watches_mutex_);
    const std::optional<std::vector<ChangeRef>> changes = changes_from(told_, kTurn);
    if (!changes) {
      // Some are forgotten already: whoever waits looks for himself what that is to him.
      told_ = snapshot().sequence;
      for (auto& [name_space, watches] : watches_)
        for (WatchStream* stream : watches) stream->wake_up(0);
      return;
    }
    if (changes->empty()) return;
    for (const ChangeRef& change : *changes) {
      wake_concerned("", *change);
      if (const std::string_view name_space = change->object->name_space(); !name_space.empty())
        wake_concerned(std::string(name_space), *change);
      ++told_;
    }
  }
}

void Collection::wake_concerned(const std::string& name_space, const Change& change) {
  const auto found = watches_.find(name_space);
  if (found == watches_.end()) return;
  for (WatchStream* stream : found->second)
    if (stream->is_waiting_ && stream->concerns(change)) stream->wake_up(told_);
}

std::size_t Collection::look_at_time(Time now) {
  MutexLock lock(watches_mutex_);
  std::size_t count = 0;
  for (auto& [name_space, watches] : watches_) {
    count += watches.size();
    for (WatchStream* stream : watches) stream->look_at_time(now, told_);
  }
  return count;
}

}  // namespace gantry::kube
