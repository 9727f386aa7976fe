// SPDX-License-Identifier: Apache-2.0
//
// Asks a store that others write to how far it is. Who comes while somebody is asking waits for the next
// question, and shares its answer with all who wait: so many readers cost the store a question at a time.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/mutex.h"
#include "store/store.h"

namespace gantry::kube {

class RevisionProbe {
 public:
  // The store outlives it.
  explicit RevisionProbe(store::Store& store) : store_(store) {}

  // At least what the store was at when this was called. Any thread.
  Result<store::Revision> ask();

 private:
  store::Store& store_;

  Mutex mutex_;                                    // guards what follows
  std::uint64_t begun_ GUARDED_BY(mutex_) = 0;     // questions
  std::uint64_t answered_ GUARDED_BY(mutex_) = 0;  // the latest of them that has an answer
  store::Revision revision_ GUARDED_BY(mutex_) = 0;
  bool is_asking_ GUARDED_BY(mutex_) = false;
  CondVar changed_;
};

}  // namespace gantry::kube
