// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/compactor.h"

namespace gantry::kube {

Compactor::Compactor(store::Store& store, const ObjectCache& cache, const Logger* log,
                     std::chrono::milliseconds period)
    : store_(store), cache_(cache), log_(log), period_(period), thread_([this] { work(); }) {}

Compactor::~Compactor() {
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

void Compactor::work() {
  store::Revision compacted = 0;
  MutexLock lock(mutex_);
  for (;;) {
    const store::Revision revision = cache_.revision();
    const auto next = std::chrono::steady_clock::now() + period_;
    while (!is_stopping_ && changed_.wait_until(mutex_, next)) {
    }
    if (is_stopping_) return;
    if (revision == compacted) continue;  // nothing was written since
    lock.unlock();
    compact(revision);
    compacted = revision;
    lock.lock();
  }
}

void Compactor::compact(store::Revision revision) const {
  const Result<void> done = store_.compact(revision);
  // Conflict: another server was faster.
  if (done || done.error().code() == Code::Conflict || log_ == nullptr) return;
  log_->warn("store not compacted: it is tried again later", {{"error", done.error().message()}});
}

}  // namespace gantry::kube
