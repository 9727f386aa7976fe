// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/history.h"

#include <algorithm>

namespace gantry::kube {

SharedBytes Change::left() const {
  MutexLock lock(mutex_);
  if (left_.empty()) left_ = before->at(revision(), {})->json();
  return left_;
}

std::optional<std::string_view> Change::value_before(const Attribute& attribute) const {
  return before ? attribute.of(*before) : std::nullopt;
}

std::optional<std::string_view> Change::value_now(const Attribute& attribute) const {
  return kind == Kind::Deleted ? std::nullopt : attribute.of(*object);
}

// What the collection itself does not keep.
static std::size_t bytes_of(const Change& change) {
  std::size_t bytes = sizeof change;
  if (change.before) bytes += change.before->json().size();
  if (change.kind == Change::Kind::Deleted) bytes += change.object->json().size();
  return bytes;
}

void History::add(ChangeRef change, Time now) {
  bytes_ += bytes_of(*change);
  changes_.push_back({std::move(change), now});
  while (changes_.size() > kMaxChanges || (bytes_ > kMaxBytes && changes_.size() > 1)) forget_first();
}

void History::forget_first() {
  const Change& first = *changes_.front().change;
  bytes_ -= bytes_of(first);
  after_ = first.revision();
  changes_.pop_front();
  ++first_;
}

void History::forget_before(Time time) {
  while (!changes_.empty() && changes_.front().time < time) forget_first();
}

void History::restart(store::Revision revision) {
  first_ = end() + 1;
  changes_.clear();
  bytes_ = 0;
  after_ = revision;
}

std::optional<History::Sequence> History::after(store::Revision revision) const {
  if (revision < after_) return std::nullopt;
  const auto found = std::ranges::upper_bound(changes_, revision, {},
                                              [](const Entry& entry) { return entry.change->revision(); });
  return first_ + static_cast<Sequence>(found - changes_.begin());
}

std::optional<std::vector<ChangeRef>> History::from(Sequence sequence, std::size_t most) const {
  if (sequence < first_) return std::nullopt;
  std::vector<ChangeRef> changes;
  const std::size_t begin = sequence - first_;
  const std::size_t end = std::min(changes_.size(), begin + most);
  for (std::size_t i = begin; i < end; ++i) changes.push_back(changes_[i].change);
  return changes;
}

}  // namespace gantry::kube
