// SPDX-License-Identifier: Apache-2.0
//
// Has the store forget what nobody can ask for any more: every few minutes what was before the time before.
// Several servers on one store may each have one.
#pragma once

#include <chrono>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "kube/storage/object_cache.h"
#include "store/store.h"

namespace gantry::kube {

class Compactor {
 public:
  // They outlive it. `log` may be null.
  Compactor(store::Store& store, const ObjectCache& cache, const Logger* log,
            std::chrono::milliseconds period = std::chrono::minutes(5));
  Compactor(const Compactor&) = delete;
  Compactor& operator=(const Compactor&) = delete;
  ~Compactor();

 private:
  void work();
  void compact(store::Revision revision) const;

  store::Store& store_;
  const ObjectCache& cache_;
  const Logger* const log_;
  const std::chrono::milliseconds period_;

  Mutex mutex_;  // guards what follows
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  CondVar changed_;
  std::thread thread_;
};

}  // namespace gantry::kube
