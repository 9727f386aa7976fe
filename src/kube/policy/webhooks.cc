// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/webhooks.h"

#include <deque>

#include "base/beside.h"
#include "kube/policy/webhook_set.h"

namespace gantry::kube::admission {

MutatingWebhooks::MutatingWebhooks(ObjectSource& objects, const Authorizer& authorizer,
                                   const ServiceRouter& services)
    : webhooks_(std::make_unique<WebhookSet>(objects, authorizer, services,
                                             "admissionregistration.k8s.io/mutatingwebhookconfigurations")) {}
MutatingWebhooks::~MutatingWebhooks() = default;

Answer<void> MutatingWebhooks::mutate(AdmissionRequest& request) const {
  const auto webhooks = webhooks_->current();
  if (webhooks->empty() || is_exempt(request)) return {};
  Round round(request.reinvocation, name(), request.object);
  for (const auto& webhook : *webhooks) TRY(ask(*webhook, request, round));
  round.end();
  return {};
}

Answer<void> MutatingWebhooks::ask(const Webhook& webhook, AdmissionRequest& request, Round& round) const {
  const std::string who = webhook.configuration() + '/' + webhook.name();
  if (!round.is_due(who)) return {};
  const Resource* as = TRY(webhooks_->wants(webhook, request));
  if (as == nullptr) return {};
  auto answered = webhooks_->call(webhook, request, *as, true);
  const auto answer = TRY(webhooks_->settle(webhook, std::move(answered), request, true));
  if (!answer) return {};
  if (answer->patch && TRY(webhooks_->patch(webhook, request, *as, *answer->patch))) round.changed();
  if (webhook.is_reinvoked()) round.keep(who);
  return {};
}

// ---- those that only judge

// One call, beside the others.
struct Question {
  const Webhook* webhook;
  const Resource* as;
  std::optional<Result<ReviewAnswer>> answer;
};

ValidatingWebhooks::ValidatingWebhooks(ObjectSource& objects, const Authorizer& authorizer,
                                       const ServiceRouter& services)
    : webhooks_(std::make_unique<WebhookSet>(objects, authorizer, services,
                                             "admissionregistration.k8s.io/validatingwebhookconfigurations")),
      pool_(std::make_unique<ThreadPool>(ThreadPool::Options{.name = "webhooks"})) {}
ValidatingWebhooks::~ValidatingWebhooks() = default;

Answer<void> ValidatingWebhooks::validate(AdmissionRequest& request) const {
  const auto webhooks = webhooks_->current();
  if (webhooks->empty() || is_exempt(request)) return {};
  std::vector<Question> questions;
  for (const auto& webhook : *webhooks)
    if (const Resource* as = TRY(webhooks_->wants(*webhook, request)))
      questions.push_back({webhook.get(), as, {}});
  ask_all(questions, request);
  for (Question& question : questions)
    (void)TRY(webhooks_->settle(*question.webhook, std::move(*question.answer), request, false));
  return {};
}

void ValidatingWebhooks::ask_all(std::span<Question> questions, const AdmissionRequest& request) const {
  std::deque<Beside> beside;  // which waits
  for (Question& question : questions) {
    const auto ask = [this, &question, &request] {
      question.answer = webhooks_->call(*question.webhook, request, *question.as, false);
    };
    if (&question == &questions.back())
      ask();
    else
      beside.emplace_back(*pool_, ask);
  }
}

}  // namespace gantry::kube::admission
