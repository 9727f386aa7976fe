// SPDX-License-Identifier: Apache-2.0
//
// The webhooks of all configurations of one kind, as they are now, and the asking of one of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "kube/policy/webhook.h"

namespace gantry::kube::admission {

class WebhookSet {
 public:
  using Webhooks = std::vector<std::shared_ptr<const Webhook>>;

  // `stored_as`: the kind of configurations. The others outlive the set.
  WebhookSet(ObjectSource& objects, const Authorizer& authorizer, const ServiceRouter& services,
             const char* stored_as);

  // In the order in which they are asked; shared with requests that go on while it changes.
  std::shared_ptr<const Webhooks> current() const;

  // The asking of a webhook, step by step: whether it wants the request, and as what (null: it does not); the
  // call, which may be made beside others; what comes of it. Warnings and annotations are then left in the
  // request; a refusal is a Status, and nothing an answer that did not come and need not.
  Answer<const Resource*> wants(const Webhook& webhook, const AdmissionRequest& request) const;
  Result<ReviewAnswer> call(const Webhook& webhook, const AdmissionRequest& request, const Resource& as,
                            bool may_patch) const;
  Answer<std::optional<ReviewAnswer>> settle(const Webhook& webhook, Result<ReviewAnswer> answer,
                                             AdmissionRequest& request, bool may_patch) const;
  // The request's object after a patch, as its type has it. Whether anything changed.
  Answer<bool> patch(const Webhook& webhook, AdmissionRequest& request, const Resource& as,
                     const json::Tree& patch) const;

 private:
  void put(const ObjectChange& change);
  std::size_t index_of(const Webhook& webhook) const;

  ObjectSource& objects_;
  const ServiceRouter& services_;
  const AccessQuestions questions_;
  mutable Mutex mutex_;  // guards what follows
  std::map<std::string, Webhooks> by_configuration_ GUARDED_BY(mutex_);
  std::shared_ptr<const Webhooks> current_ GUARDED_BY(mutex_) = std::make_shared<const Webhooks>();
  std::unique_ptr<ObjectFollower> follower_;  // ends first
};

}  // namespace gantry::kube::admission
