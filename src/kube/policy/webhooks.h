// SPDX-License-Identifier: Apache-2.0
//
// The plugins MutatingAdmissionWebhook and ValidatingAdmissionWebhook
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/). Webhooks that
// change objects are asked in the order of their configurations' names, one after the other; those that only
// judge all at once, and the first refusal in that order counts.
#pragma once

#include <memory>
#include <span>

#include "base/thread_pool.h"
#include "kube/access/authorizer.h"
#include "kube/admission/admission.h"
#include "kube/api/object_source.h"
#include "kube/connect/service_router.h"

namespace gantry::kube::admission {

struct Question;
class Webhook;
class WebhookSet;

class MutatingWebhooks final : public Plugin {
 public:
  // All of them outlive the plugin.
  MutatingWebhooks(ObjectSource& objects, const Authorizer& authorizer, const ServiceRouter& services);
  ~MutatingWebhooks() override;

  std::string_view name() const override { return "MutatingAdmissionWebhook"; }
  // Those that ask for it are called once more when another changed the object after them (reinvocation.h).
  Answer<void> mutate(AdmissionRequest& request) const override;

 private:
  Answer<void> ask(const Webhook& webhook, AdmissionRequest& request, Round& round) const;

  const std::unique_ptr<WebhookSet> webhooks_;
};

class ValidatingWebhooks final : public Plugin {
 public:
  ValidatingWebhooks(ObjectSource& objects, const Authorizer& authorizer, const ServiceRouter& services);
  ~ValidatingWebhooks() override;

  std::string_view name() const override { return "ValidatingAdmissionWebhook"; }
  Answer<void> validate(AdmissionRequest& request) const override;

 private:
  void ask_all(std::span<Question> questions, const AdmissionRequest& request) const;

  const std::unique_ptr<WebhookSet> webhooks_;
  const std::unique_ptr<ThreadPool> pool_;  // a thread is there only while somebody is asked
};

}  // namespace gantry::kube::admission
