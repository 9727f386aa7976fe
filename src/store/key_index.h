// SPDX-License-Identifier: Apache-2.0
//
// Which keys an embedded store has, and what changed them when: everything but the values. The whole of it is
// in memory; its owner guards it.
//
// A change has an id: its revision, and its place among the changes of that revision. Ids are the keys of the
// table that holds the values, so a list of ids is all that is needed to read, and to forget.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"

namespace gantry::store {

// revision * kMaxOperations + place.
enum class ChangeId : std::int64_t {};
constexpr ChangeId change_id(Revision revision, std::size_t place) {
  return ChangeId(revision * static_cast<Revision>(kMaxOperations) + static_cast<Revision>(place));
}
constexpr Revision revision_of(ChangeId id) {
  return static_cast<std::int64_t>(id) / static_cast<Revision>(kMaxOperations);
}

struct Change {
  ChangeId id{};
  Revision created = 0;
  std::int64_t version = 0;  // 0: a deletion
  LeaseId lease = 0;

  Revision revision() const { return revision_of(id); }
  bool is_deletion() const { return version == 0; }
};

class KeyIndex {
 public:
  // Changes come in the order of their ids.
  void apply(const std::string& key, const Change& change);

  // What `key` is now; none: it is not there.
  const Change* find(std::string_view key) const;

  // What the keys of `range` were at `revision`, in order, until `visit` answers false.
  void visit(const KeyRange& range, Revision revision,
             const std::function<bool(const std::string& key, const Change& change)>& visit) const;
  std::size_t count(const KeyRange& range, Revision revision) const;

  // Forgets at most `limit` of the changes that nobody can ask for from `revision` on, the oldest first, and
  // answers which they were; empty when there are no more. Costs nothing for what is not forgotten.
  std::vector<ChangeId> compact(Revision revision, std::size_t limit);

 private:
  // Oldest first, never empty.
  using History = std::vector<Change>;
  using Keys = std::map<std::string, History, std::less<>>;
  // From `by` on nobody needs what `key` was before; of a deletion, not even that.
  struct Superseded {
    Revision by;
    Keys::iterator key;
  };
  static const Change* at(const History& history, Revision revision);
  void forget_before(const Superseded& superseded, std::vector<ChangeId>& forgotten);

  Keys keys_;
  std::deque<Superseded> superseded_;  // in the order of revisions
};

}  // namespace gantry::store
