// SPDX-License-Identifier: Apache-2.0
//
// Transactions that go to disk together: each sees what those before it in the batch have done, although
// nobody else does yet.
#pragma once

#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "store/change_log.h"
#include "store/key_index.h"
#include "store/lease_table.h"
#include "store/store.h"

namespace gantry::store {

class CommitBatch {
 public:
  // `revision`: of the store. What is named here does not change, and outlives the batch.
  CommitBatch(const KeyIndex& index, const LeaseTable& leases, Revision revision)
      : index_(index), leases_(leases), revision_(revision) {}

  // What the transaction does, checked already and living as long as the batch; `current` is left to the
  // caller. An error: nothing was added.
  Result<CommitResult> add(const Transaction& transaction);

  // In order.
  std::span<const LoggedChange> changes() const { return changes_; }
  Revision revision() const { return revision_; }

 private:
  const Change* current(std::string_view key) const;
  bool holds(const Condition& condition) const;
  void add_change(const Operation& operation, Revision revision, std::size_t place);

  const KeyIndex& index_;
  const LeaseTable& leases_;
  Revision revision_;
  std::vector<LoggedChange> changes_;
  std::map<std::string_view, Change> changed_;
};

}  // namespace gantry::store
