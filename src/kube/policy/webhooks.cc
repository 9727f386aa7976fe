// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/webhooks.h"

#include <set>

#include "kube/policy/webhook_set.h"

namespace gantry::kube::admission {
namespace {

// One request's way through the webhooks that may change it.
class Mutation {
 public:
  Mutation(const WebhookSet& set, AdmissionRequest& request) : set_(set), request_(request) {}

  Answer<void> run(const WebhookSet::Webhooks& webhooks) {
    for (const auto& webhook : webhooks) TRY(ask(*webhook));
    const auto again = std::move(again_);
    again_.clear();
    for (const auto& webhook : webhooks)
      if (again.contains(webhook.get())) TRY(ask(*webhook));
    return {};
  }

 private:
  Answer<void> ask(const Webhook& webhook) {
    const auto answer = TRY(set_.ask(webhook, request_, true));
    if (!answer) return {};
    if (answer->patch && TRY(set_.patch(webhook, request_, *answer->patch)))
      again_.insert(called_.begin(), called_.end());
    if (webhook.is_reinvoked()) called_.insert(&webhook);
    return {};
  }

  const WebhookSet& set_;
  AdmissionRequest& request_;
  std::set<const Webhook*> called_;  // that want to be called again
  std::set<const Webhook*> again_;
};

}  // namespace

MutatingWebhooks::MutatingWebhooks(ObjectSource& objects, const Authorizer& authorizer)
    : webhooks_(std::make_unique<WebhookSet>(objects, authorizer,
                                             "admissionregistration.k8s.io/mutatingwebhookconfigurations")) {}
MutatingWebhooks::~MutatingWebhooks() = default;

Answer<void> MutatingWebhooks::mutate(AdmissionRequest& request) const {
  const auto webhooks = webhooks_->current();
  if (webhooks->empty() || is_exempt(request)) return {};
  return Mutation(*webhooks_, request).run(*webhooks);
}

ValidatingWebhooks::ValidatingWebhooks(ObjectSource& objects, const Authorizer& authorizer)
    : webhooks_(std::make_unique<WebhookSet>(
          objects, authorizer, "admissionregistration.k8s.io/validatingwebhookconfigurations")) {}
ValidatingWebhooks::~ValidatingWebhooks() = default;

Answer<void> ValidatingWebhooks::validate(AdmissionRequest& request) const {
  const auto webhooks = webhooks_->current();
  if (webhooks->empty() || is_exempt(request)) return {};
  for (const auto& webhook : *webhooks) (void)TRY(webhooks_->ask(*webhook, request, false));
  return {};
}

}  // namespace gantry::kube::admission
