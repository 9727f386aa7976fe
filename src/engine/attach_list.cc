// SPDX-License-Identifier: Apache-2.0
#include "engine/attach_list.h"

#include <utility>

namespace gantry::engine {

Subscription AttachList::add(const AttachRequest& request, AttachCallback callback) {
  auto pending = std::make_shared<Pending>(Pending{request, std::move(callback)});
  MutexLock lock(list_->mutex);
  list_->pending.push_back(pending);
  return Subscription([list = list_, pending = std::weak_ptr(pending)] {
    MutexLock cancel_lock(list->mutex);
    list->pending.remove(pending.lock());
  });
}

void AttachList::attach_all(const std::function<Result<Attachment>(const AttachRequest&)>& attach) {
  // Under the lock, so that a subscription that is dropped meanwhile waits for its callback to return.
  MutexLock lock(list_->mutex);
  while (!list_->pending.empty()) {
    const std::shared_ptr<Pending> pending = std::move(list_->pending.front());
    list_->pending.pop_front();
    pending->callback(attach(pending->request));
  }
}

bool AttachList::is_empty() const {
  MutexLock lock(list_->mutex);
  return list_->pending.empty();
}

}  // namespace gantry::engine
