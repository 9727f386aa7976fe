// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/revision_probe.h"

#include "kube/storage/object_cache.h"

namespace gantry::kube {

Result<store::Revision> RevisionProbe::ask() {
  MutexLock lock(mutex_);
  // One that is under way may have been answered already.
  const std::uint64_t wanted = begun_ + 1;
  while (answered_ < wanted) {
    if (is_asking_) {
      changed_.wait(mutex_);
      continue;
    }
    is_asking_ = true;
    const std::uint64_t mine = ++begun_;
    lock.unlock();
    const auto now = store_.range({.keys = store::KeyRange::one(kKeyRoot), .count_only = true});
    lock.lock();
    is_asking_ = false;
    changed_.notify_all();
    // The others ask for themselves.
    if (!now) return Error(now.error().code(), now.error().errno_value(), now.error().message());
    answered_ = mine;
    revision_ = now->revision;
  }
  return revision_;
}

}  // namespace gantry::kube
