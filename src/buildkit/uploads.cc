// SPDX-License-Identifier: Apache-2.0
#include "buildkit/uploads.h"

namespace gantry::buildkit {

Result<void> Uploads::offer(const std::string& id, ByteSource& tar, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const MutexLock lock(mutex_);
  if (!offers_.emplace(id, Offer{.tar = &tar}).second)
    return error(Code::AlreadyExists, "there is a context '{}' already", id);
  changed_.notify_all();
  bool is_in_time = true;
  for (;;) {
    const auto found = offers_.find(id);
    if (found == offers_.end()) return {};  // it was used
    if (!found->second.is_taken && !is_in_time) {
      offers_.erase(found);
      return error(Code::Conflict, "no build came for the context '{}'", id);
    }
    if (found->second.is_taken)
      changed_.wait(mutex_);
    else
      is_in_time = changed_.wait_until(mutex_, deadline);
  }
}

Result<std::unique_ptr<Uploads::Loan>> Uploads::take(const std::string& id,
                                                     std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const MutexLock lock(mutex_);
  for (;;) {
    const auto found = offers_.find(id);
    if (found != offers_.end() && !found->second.is_taken) {
      found->second.is_taken = true;
      return std::make_unique<Loan>(*this, id, *found->second.tar);
    }
    if (!changed_.wait_until(mutex_, deadline))
      return error(Code::NotFound, "the context '{}' did not come", id);
  }
}

void Uploads::give_back(const std::string& id) {
  const MutexLock lock(mutex_);
  offers_.erase(id);
  changed_.notify_all();
}

}  // namespace gantry::buildkit
