// SPDX-License-Identifier: Apache-2.0
//
// The cache's objects for those who want them as trees (kube/api/object_source.h): authorisation, admission,
// quotas. Followers are told by the cache's thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "kube/api/object_source.h"
#include "kube/storage/object_cache.h"

namespace gantry::kube {

class CachedSource final : public ObjectSource {
 public:
  // The cache outlives it, and those who follow.
  explicit CachedSource(ObjectCache& cache) : cache_(cache) {}

  std::optional<json::Tree> get(std::string_view stored_as, std::string_view name_space,
                                std::string_view name) const override;
  std::vector<json::Tree> list(std::string_view stored_as, std::string_view name_space) const override;
  std::unique_ptr<ObjectFollower> follow_selected(std::string_view stored_as, FieldSelector selector,
                                                  TellOfChange tell) override;

 private:
  ObjectCache& cache_;
};

}  // namespace gantry::kube
