// SPDX-License-Identifier: Apache-2.0
//
// A webhook that converts the objects of a CustomResourceDefinition (spec.conversion.webhook). What it has
// answered lately it is not asked again: one object is read in the same version by many clients and watches.
// For any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json_tree.h"
#include "base/mutex.h"
#include "kube/api/status.h"
#include "kube/connect/service_router.h"
#include "kube/policy/webhook_client.h"

namespace gantry::kube {

class WebhookConversion {
 public:
  // `conversion`: spec.conversion. `services` outlives it.
  WebhookConversion(const json::Tree& conversion, const ServiceRouter& services);

  // Objects that are in other versions, in that one; in their order. Blocks, ten seconds for each few hundred
  // of them at most. 500 in Kubernetes' words if the webhook cannot be reached, fails, or answers something
  // else.
  Answer<std::vector<json::Tree>> convert(std::span<const json::Tree> objects,
                                          std::string_view api_version) const;

 private:
  // What was asked, and what was answered, as text. When half of the room is used, what was not asked since
  // it was half used before goes.
  class Memory {
   public:
    std::optional<std::string> find(const std::string& asked) EXCLUDES(mutex_);
    void keep(std::string asked, std::string answered) EXCLUDES(mutex_);

   private:
    void keep_locked(std::string asked, std::string answered) REQUIRES(mutex_);
    Mutex mutex_;  // guards what follows
    std::unordered_map<std::string, std::string> recent_ GUARDED_BY(mutex_);
    std::unordered_map<std::string, std::string> older_ GUARDED_BY(mutex_);
    std::size_t recent_bytes_ GUARDED_BY(mutex_) = 0;
  };

  Result<std::vector<json::Tree>> ask(std::span<const json::Tree> objects,
                                      std::string_view api_version) const;

  const ServiceRouter& services_;
  const std::string review_version_;  // empty: it knows none of ours
  const WebhookClient client_;
  mutable Memory memory_;
};

}  // namespace gantry::kube
