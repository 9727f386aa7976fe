// SPDX-License-Identifier: Apache-2.0
//
// The embedded store's file: every change with its value, until it is forgotten (docs/formats/store.md). What
// append() has answered survives kill -9 and power loss.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "database/database.h"
#include "store/key_index.h"
#include "store/store.h"

namespace gantry::store {

// A change together with what the index does not keep.
struct LoggedChange {
  std::string key;
  Change change;
  SharedBytes value;  // none for a deletion

  KeyValue to_key_value() const;
};

struct LoggedLease {
  LeaseId id = 0;
  std::int64_t seconds = 0;
};

class ChangeLog {
 public:
  static Result<ChangeLog> open(const std::string& path);

  // Where the last life ended: the changes come without their values, in order.
  struct Start {
    Revision revision = 1;
    Revision compacted = 0;
    std::vector<LoggedLease> leases;
  };
  Result<Start> load(const std::function<void(const std::string& key, const Change& change)>& visit) const;

  Result<void> append(std::span<const LoggedChange> changes);

  // The values of those changes, in their order; nullopt for what was forgotten.
  Result<std::vector<std::optional<SharedBytes>>> values(std::span<const ChangeId> ids) const;
  // Changes after `revision`, oldest first: whole revisions, `at_least` changes if there are so many.
  Result<std::vector<LoggedChange>> changes_after(Revision revision, std::size_t at_least) const;

  // Says that nobody may ask for what was before `compacted`; `revision` is that of the store.
  Result<void> set_compacted(Revision compacted, Revision revision);
  Result<void> forget(std::span<const ChangeId> ids);

  Result<void> add_lease(const LoggedLease& lease);
  Result<void> remove_lease(LeaseId lease);

  // What is wrong with the file; empty: nothing.
  Result<std::string> damage() const { return database_.damage(); }
  // Gives the room of what was forgotten back to the file system.
  Result<void> shrink() { return database_.compact(); }

 private:
  explicit ChangeLog(database::Database database) : database_(std::move(database)) {}
  database::Database database_;
};

}  // namespace gantry::store
