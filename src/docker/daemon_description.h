// SPDX-License-Identifier: Apache-2.0
//
// What GET /info says of a daemon that nobody else knows: how it was started, or what it was told since.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace gantry::docker {

struct DaemonDescription {
  std::string id;  // the same at every start
  std::string root;
  std::vector<std::string> labels;  // "key=value"
  bool is_debug = false;
  std::vector<std::string> insecure_registries;
  std::vector<std::string> registry_mirrors;  // of docker.io
};

// Thread-safe.
class CurrentDescription {
 public:
  explicit CurrentDescription(DaemonDescription description) { set(std::move(description)); }

  std::shared_ptr<const DaemonDescription> get() const {
    MutexLock lock(mutex_);
    return description_;
  }
  void set(DaemonDescription description) {
    auto fresh = std::make_shared<const DaemonDescription>(std::move(description));
    MutexLock lock(mutex_);
    description_ = std::move(fresh);
  }

 private:
  mutable Mutex mutex_;  // guards what follows
  std::shared_ptr<const DaemonDescription> description_ GUARDED_BY(mutex_);
};

}  // namespace gantry::docker
