// SPDX-License-Identifier: Apache-2.0
//
// How an engine begins: what its database says and what is really there are made to agree. There is no other
// way to recover, so every start does it, after a kill -9 as after an update.
//
//   record says     there is                    then
//   runs            its shim                     it is watched again
//   runs            an exit record, or nothing   the end is recorded now: events, policies, auto-remove
//   does not run    its shim, and it runs        a start was killed after its last step: it runs
//   does not run    another part of a run        a start or an end was killed: it is cleaned away
//   is Removing     whatever                     it is removed; so is what has ended and removes itself
//   no record       files of that id             a create was killed: they are removed
#pragma once

#include <memory>

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

// The records, before anybody is served. What may not be as they say is marked (Container::is_unchecked).
Result<void> load_records(Core& core);
// Begins to repair all that is marked, and removes what has no record, on the pool.
void repair_all(Core& core);
// By the holder of changes(), before anything else is done with it.
void repair(Core& core, const std::shared_ptr<Container>& container);

}  // namespace gantry::engine
