// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/lease_pool.h"

#include <algorithm>

namespace gantry::kube {

Result<store::LeaseId> LeasePool::lease(std::chrono::seconds time) {
  const auto now = std::chrono::steady_clock::now();
  const auto shared_for = std::max(time / 20, std::chrono::seconds(1));
  MutexLock lock(mutex_);
  Given& given = given_[time];
  if (now < given.until) return given.id;
  given = {.id = TRY(store_.grant(time + shared_for)), .until = now + shared_for};
  return given.id;
}

}  // namespace gantry::kube
