// SPDX-License-Identifier: Apache-2.0
//
// The latest changes of one collection, for watches to go along: each has a number, one more than the one
// before it. Bounded by how many they are, and by the bytes of objects that nothing else keeps alive. Not for
// several threads by itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "kube/storage/attribute.h"
#include "kube/storage/object.h"

namespace gantry::kube {

class Change : public Counted {
 public:
  enum class Kind : std::uint8_t { Created, Updated, Deleted };

  Change(ObjectRef now, ObjectRef old, bool is_deletion)
      : object(std::move(now)),
        before(std::move(old)),
        kind(is_deletion ? Kind::Deleted
             : before    ? Kind::Updated
                         : Kind::Created) {}

  const ObjectRef object;  // of a deletion: its last state, at the revision of the deletion
  const ObjectRef before;  // null: it was created
  const Kind kind;

  store::Revision revision() const { return object->revision(); }
  // Nothing where there was no object or is none any more, too.
  std::optional<std::string_view> value_before(const Attribute& attribute) const;
  std::optional<std::string_view> value_now(const Attribute& attribute) const;
  // Of an update, for those who see the object no longer: its state before, at the revision of the change.
  // Made when somebody asks first, then the same for all.
  SharedBytes left() const;

 private:
  mutable Mutex mutex_;  // guards what follows
  mutable SharedBytes left_ GUARDED_BY(mutex_);
};
using ChangeRef = Ref<const Change>;

class History {
 public:
  using Sequence = std::uint64_t;
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kMaxChanges = 32 << 10;
  static constexpr std::size_t kMaxBytes = 8 << 20;

  void add(ChangeRef change, Time now);
  // Everything is unknown up to and including `revision`: who has not come along is lost.
  void restart(store::Revision revision);
  // Lets go of what was before `time`.
  void forget_before(Time time);

  Sequence end() const { return first_ + changes_.size(); }
  // Of the last change; what has been known since the start if there was none.
  store::Revision revision() const { return changes_.empty() ? after_ : changes_.back().change->revision(); }
  // Every later change is here.
  store::Revision known_since() const { return after_; }
  // The first change after `revision`; nothing if there were some that are forgotten.
  std::optional<Sequence> after(store::Revision revision) const;
  // At most `most` changes from there on; nothing if they are forgotten.
  std::optional<std::vector<ChangeRef>> from(Sequence sequence, std::size_t most) const;

 private:
  struct Entry {
    ChangeRef change;
    Time time;
  };
  void forget_first();

  std::deque<Entry> changes_;
  Sequence first_ = 1;
  store::Revision after_ = 0;  // every later change is here
  std::size_t bytes_ = 0;
};

}  // namespace gantry::kube
