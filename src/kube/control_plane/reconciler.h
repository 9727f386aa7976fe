// SPDX-License-Identifier: Apache-2.0
//
// Work that follows the changes of some kinds: one step that looks at how things are and does what is
// missing, on a thread of its own, after every change; changes that come together make one step.
//
//   Reconciler reconciler(objects, {"namespaces"}, [&] { return bring_up_to_date(); });
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "kube/api/object_source.h"

namespace gantry::kube {

class Reconciler {
 public:
  // True: something is still to be done that no change will tell of; it is called again after a while.
  using Step = std::function<bool()>;

  // The first step is made at once. `objects` outlives it.
  Reconciler(ObjectSource& objects, const std::vector<std::string>& kinds, Step step);
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;
  ~Reconciler();

  // From any thread: something that no object tells of has changed.
  void poke();

 private:
  void work();
  // False: it is to end.
  bool wait(bool is_to_look_again);

  const Step step_;
  Mutex mutex_;  // guards what follows
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  bool has_news_ GUARDED_BY(mutex_) = true;
  CondVar changed_;
  std::vector<std::unique_ptr<ObjectFollower>> followers_;
  std::thread thread_;
};

}  // namespace gantry::kube
