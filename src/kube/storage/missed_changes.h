// SPDX-License-Identifier: Apache-2.0
//
// Changes that are older than what a collection remembers, out of the store, which has them until they are
// compacted: so a watch goes on without a gap where a server was started anew.
#pragma once

#include <vector>

#include "kube/api/status.h"
#include "kube/storage/history.h"
#include "kube/storage/object_cache.h"
#include "store/store.h"

namespace gantry::kube {

// All changes of the collection after `after`, up to and including `until`, oldest first. 410 if the store
// has forgotten them, or if they are more than a client would want to go through.
Answer<std::vector<ChangeRef>> missed_changes(store::Store& store, const ObjectCache& cache,
                                              const Collection& collection, store::Revision after,
                                              store::Revision until);

}  // namespace gantry::kube
