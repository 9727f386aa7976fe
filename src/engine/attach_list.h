// SPDX-License-Identifier: Apache-2.0
//
// Clients that want a container's streams from its first byte on: they come before it is started, and are
// attached once its shim is there and its program is not. Thread-safe.
#pragma once

#include <list>
#include <memory>

#include "base/mutex.h"
#include "engine/engine.h"
#include "engine/subscription.h"

namespace gantry::engine {

class AttachList {
 public:
  Subscription add(const AttachRequest& request, AttachCallback callback);

  // Calls everybody and forgets them: with what `attach` answers for their request.
  void attach_all(const std::function<Result<Attachment>(const AttachRequest&)>& attach);
  bool is_empty() const;

 private:
  struct Pending {
    AttachRequest request;
    AttachCallback callback;
  };
  // Shared with the subscriptions, which may outlive the container.
  struct List {
    mutable Mutex mutex;  // guards what follows
    std::list<std::shared_ptr<Pending>> pending GUARDED_BY(mutex);
  };
  std::shared_ptr<List> list_ = std::make_shared<List>();
};

}  // namespace gantry::engine
