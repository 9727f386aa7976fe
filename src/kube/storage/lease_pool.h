// SPDX-License-Identifier: Apache-2.0
//
// Leases of the store for objects that last only so long (events). Many share one, so the store has few: an
// object lasts as long as was asked for, or a twentieth longer.
#pragma once

#include <chrono>
#include <map>

#include "base/error.h"
#include "base/mutex.h"
#include "store/store.h"

namespace gantry::kube {

class LeasePool {
 public:
  // The store outlives it.
  explicit LeasePool(store::Store& store) : store_(store) {}

  // One that lasts at least so long from now on. Any thread.
  Result<store::LeaseId> lease(std::chrono::seconds time);

 private:
  struct Given {
    store::LeaseId id = 0;
    std::chrono::steady_clock::time_point until{};  // others may still take it
  };
  store::Store& store_;
  Mutex mutex_;  // guards what follows
  std::map<std::chrono::seconds, Given> given_ GUARDED_BY(mutex_);
};

}  // namespace gantry::kube
