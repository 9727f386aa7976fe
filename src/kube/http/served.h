// SPDX-License-Identifier: Apache-2.0
//
// What is served at this moment: the built-in resources and those of CustomResourceDefinitions, and the
// documents about all of them. A Served never changes; when a definition comes or goes another takes its
// place, and requests that have the old one go on with it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "kube/schema/resource.h"
#include "kube/views/discovery.h"
#include "kube/views/openapi.h"

namespace gantry::kube {

class Served {
 public:
  // `custom`: beside the built-in ones. `address`: of this server, for discovery: "192.0.2.1:6443".
  Served(std::vector<std::shared_ptr<const Resource>> custom, std::string_view address);

  // Null if there is none.
  const Resource* find(std::string_view group, std::string_view version, std::string_view plural) const;
  const std::vector<const Resource*>& resources() const { return resources_; }
  const views::Discovery& discovery() const { return discovery_; }
  const views::OpenApi& openapi() const { return openapi_; }

 private:
  const std::vector<std::shared_ptr<const Resource>> custom_;
  const std::vector<const Resource*> resources_;
  const std::map<std::tuple<std::string_view, std::string_view, std::string_view>, const Resource*> by_name_;
  const views::Discovery discovery_;
  const views::OpenApi openapi_;
};

// The latest; for any thread.
class CurrentlyServed {
 public:
  explicit CurrentlyServed(std::shared_ptr<const Served> served) : served_(std::move(served)) {}
  std::shared_ptr<const Served> get() const {
    const MutexLock lock(mutex_);
    return served_;
  }
  void set(std::shared_ptr<const Served> served) {
    const MutexLock lock(mutex_);
    served_.swap(served);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const Served> served_ GUARDED_BY(mutex_);
};

}  // namespace gantry::kube
