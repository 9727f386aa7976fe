// SPDX-License-Identifier: Apache-2.0
#include "store/key_index.h"

#include <algorithm>

namespace gantry::store {

void KeyIndex::apply(const std::string& key, const Change& change) {
  const auto [entry, is_new] = keys_.try_emplace(key);
  if (is_new)
    entry->second.reserve(1);  // most keys are written once
  else
    superseded_.push_back({change.revision(), entry});
  entry->second.push_back(change);
}

// The last change that is not after `revision`, if the key was there then.
const Change* KeyIndex::at(const History& history, Revision revision) {
  const auto after = std::ranges::upper_bound(history, revision, {}, &Change::revision);
  if (after == history.begin()) return nullptr;
  const Change& change = *std::prev(after);
  return change.is_deletion() ? nullptr : &change;
}

const Change* KeyIndex::find(std::string_view key) const {
  const auto found = keys_.find(key);
  if (found == keys_.end() || found->second.back().is_deletion()) return nullptr;
  return &found->second.back();
}

void KeyIndex::visit(const KeyRange& range, Revision revision,
                     const std::function<bool(const std::string&, const Change&)>& visit) const {
  for (auto key = keys_.lower_bound(range.first); key != keys_.end(); ++key) {
    if (!range.end.empty() && key->first >= range.end) return;
    if (const Change* change = at(key->second, revision); change && !visit(key->first, *change)) return;
  }
}

std::size_t KeyIndex::count(const KeyRange& range, Revision revision) const {
  std::size_t count = 0;
  visit(range, revision, [&](const std::string&, const Change&) {
    ++count;
    return true;
  });
  return count;
}

void KeyIndex::forget_before(const Superseded& superseded, std::vector<ChangeId>& forgotten) {
  History& history = superseded.key->second;
  auto kept = std::ranges::lower_bound(history, superseded.by, {}, &Change::revision);
  if (kept->is_deletion()) ++kept;
  for (auto change = history.begin(); change != kept; ++change) forgotten.push_back(change->id);
  if (kept == history.end()) {
    keys_.erase(superseded.key);
    return;
  }
  history.erase(history.begin(), kept);
  history.shrink_to_fit();
}

std::vector<ChangeId> KeyIndex::compact(Revision revision, std::size_t limit) {
  std::vector<ChangeId> forgotten;
  while (!superseded_.empty() && superseded_.front().by <= revision && forgotten.size() < limit) {
    forget_before(superseded_.front(), forgotten);
    superseded_.pop_front();
  }
  return forgotten;
}

}  // namespace gantry::store
