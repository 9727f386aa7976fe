// SPDX-License-Identifier: Apache-2.0
//
// What is served at this moment: the built-in resources and those of CustomResourceDefinitions, and the
// documents about all of them. A Served never changes; when a definition comes or goes another takes its
// place, and requests that have the old one go on with it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "kube/schema/resource.h"
#include "kube/views/discovery.h"
#include "kube/views/foreign_version.h"
#include "kube/views/openapi.h"

namespace gantry::kube {

class Served {
 public:
  // `custom`: beside the built-in ones; `foreign`: what other servers have. `address`: of this server, for
  // discovery: "192.0.2.1:6443".
  Served(std::vector<std::shared_ptr<const Resource>> custom, std::span<const views::ForeignVersion> foreign,
         std::string_view address);

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

// The latest, made anew when one of its parts is another; for any thread.
class CurrentlyServed {
 public:
  explicit CurrentlyServed(std::string address);

  std::shared_ptr<const Served> get() const {
    const MutexLock lock(mutex_);
    return served_;
  }
  void set_custom(std::vector<std::shared_ptr<const Resource>> custom);
  void set_foreign(std::vector<views::ForeignVersion> foreign);
  // Who is called after each of them, on its thread; quick. Empty: nobody any more, when this returns.
  void set_on_change(std::function<void()> on_change);

 private:
  void make() REQUIRES(making_);

  const std::string address_;
  Mutex making_;  // guards what follows; taken before mutex_
  std::vector<std::shared_ptr<const Resource>> custom_ GUARDED_BY(making_);
  std::vector<views::ForeignVersion> foreign_ GUARDED_BY(making_);
  std::function<void()> on_change_ GUARDED_BY(making_);

  mutable Mutex mutex_;  // guards what follows; never held for long
  std::shared_ptr<const Served> served_ GUARDED_BY(mutex_);
};

}  // namespace gantry::kube
