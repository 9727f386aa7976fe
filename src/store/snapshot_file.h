// SPDX-License-Identifier: Apache-2.0
//
// An embedded store as one file to keep elsewhere: all of it as it was at one moment, and a digest
// (docs/formats/store.md). Whoever has the store open goes on meanwhile.
//
//   TRY(save_snapshot("/var/lib/gantry/control-plane/store.db", "/backup/monday"));
//   const Revision revision = TRY(restore_snapshot("/backup/monday", "/new/store.db"));
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "store/store.h"

namespace gantry::store {

// How far a store that was restored is ahead of its snapshot. Clients remember revisions of the time after
// it, which would come again and mean something else: all of them are behind the compaction now, so whoever
// goes on from one is told to look anew.
inline constexpr Revision kAheadOfSnapshot = 1'000'000'000;

// How many bytes it has. `file` is on disk when this answers, readable by its owner alone; AlreadyExists if
// something has that name. NotFound if there is no store.
Result<std::uint64_t> save_snapshot(const std::string& store, const std::string& file);

// At which revision the new store is. DataLoss for what is no snapshot, or not the one that was saved;
// AlreadyExists if there is a store: nothing is ever replaced. Whatever fails leaves no store.
Result<Revision> restore_snapshot(const std::string& file, const std::string& store);

}  // namespace gantry::store
