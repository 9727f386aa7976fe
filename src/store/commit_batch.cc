// SPDX-License-Identifier: Apache-2.0
#include "store/commit_batch.h"

#include <algorithm>

namespace gantry::store {

const Change* CommitBatch::current(std::string_view key) const {
  const auto changed = changed_.find(key);
  if (changed == changed_.end()) return index_.find(key);
  return changed->second.is_deletion() ? nullptr : &changed->second;
}

bool CommitBatch::holds(const Condition& condition) const {
  const Change* change = current(condition.key);
  switch (condition.kind) {
    case Condition::Kind::Absent: return change == nullptr;
    case Condition::Kind::ModifiedAt: return change != nullptr && change->revision() == condition.revision;
  }
  return false;
}

Result<CommitResult> CommitBatch::add(const Transaction& transaction) {
  for (const Operation& operation : transaction.operations)
    if (operation.lease != 0 && !leases_.is_usable(operation.lease))
      return error(Code::NotFound, "put '{}': there is no lease {:x}", operation.key, operation.lease);
  const bool may = std::ranges::all_of(transaction.conditions, [&](const Condition& c) { return holds(c); });
  if (!may) return CommitResult{.committed = false, .revision = revision_, .current = {}};

  std::size_t place = 0;
  for (const Operation& operation : transaction.operations)
    if (operation.kind == Operation::Kind::Put || current(operation.key) != nullptr)
      add_change(operation, revision_ + 1, place++);
  if (place > 0) ++revision_;
  return CommitResult{.committed = true, .revision = revision_, .current = {}};
}

void CommitBatch::add_change(const Operation& operation, Revision revision, std::size_t place) {
  Change change{.id = change_id(revision, place)};
  if (operation.kind == Operation::Kind::Put) {
    const Change* before = current(operation.key);
    change.created = before != nullptr ? before->created : revision;
    change.version = before != nullptr ? before->version + 1 : 1;
    change.lease = operation.lease;
  }
  changed_.insert_or_assign(operation.key, change);
  changes_.push_back({operation.key, change, operation.value});
}

}  // namespace gantry::store
