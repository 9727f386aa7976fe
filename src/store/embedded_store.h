// SPDX-License-Identifier: Apache-2.0
//
// A store in one SQLite file, for one process at a time: an index of all keys in memory, the values on disk.
// Clients that commit at the same time share one transaction of SQLite, and so one fsync. Kill -9 at any
// moment loses nothing that was answered and leaves nothing half done.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/group_work.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "store/change_log.h"
#include "store/commit_batch.h"
#include "store/key_index.h"
#include "store/lease_table.h"
#include "store/store.h"
#include "store/watch_hub.h"

namespace gantry::store {

class EmbeddedStore final : public Store {
 public:
  // Makes the file if there is none. Conflict: another process has it open.
  static Result<std::unique_ptr<EmbeddedStore>> open(const std::string& path);
  // Nobody calls any more, and no Watch is left.
  ~EmbeddedStore() override;

  Result<RangeResult> range(const RangeRequest& request) override;
  Result<CommitResult> commit(const Transaction& transaction) override;
  Result<std::unique_ptr<Watch>> watch(const KeyRange& keys, Revision after, WatchSink& sink) override;
  Result<void> compact(Revision revision) override;
  Result<LeaseId> grant(std::chrono::seconds time) override;
  Result<void> renew(LeaseId lease) override;
  Result<void> revoke(LeaseId lease) override;

  // A file that open() takes, with the store as it is at one moment; clients go on meanwhile. Nothing may be
  // at `path` yet.
  Result<void> save_snapshot(const std::string& path) const;

 private:
  struct Request;
  struct Found;
  class LeaseKeeper;
  EmbeddedStore(std::string path, ChangeLog log, UniqueFd claim, const ChangeLog::Start& start);

  Result<Found> find(const RangeRequest& request);
  Result<void> check_revision(Revision revision) const REQUIRES(mutex_);
  Result<void> check_not_compacted(Revision revision) const;
  Result<void> check_not_compacted_locked(Revision revision) const REQUIRES(mutex_);
  Result<CommitResult> submit(const Transaction& transaction);
  std::vector<Result<CommitResult>> write(std::span<Request* const> requests);
  void apply(const LoggedChange& logged) REQUIRES(mutex_);
  Result<void> forget_compacted(Revision revision);
  Transaction deletion_of_keys(LeaseId lease) const;
  Result<void> end_lease(LeaseId lease);

  const std::string path_;
  ChangeLog log_;
  const UniqueFd claim_;  // locked: this process has the file
  WatchHub hub_;

  GroupWork<Request> writes_;

  Mutex compaction_mutex_;  // one compaction at a time

  mutable Mutex mutex_;  // guards what follows; only who writes changes index and revision
  KeyIndex index_ GUARDED_BY(mutex_);
  LeaseTable leases_ GUARDED_BY(mutex_);
  Revision revision_ GUARDED_BY(mutex_);
  Revision compacted_ GUARDED_BY(mutex_);

  std::unique_ptr<LeaseKeeper> keeper_;  // last: it uses all of the above
};

}  // namespace gantry::store
