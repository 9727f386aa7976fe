// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/webhooks.h"

#include <deque>
#include <set>

#include "base/beside.h"
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
    const Resource* as = TRY(set_.wants(webhook, request_));
    if (as == nullptr) return {};
    const auto answer = TRY(set_.settle(webhook, set_.call(webhook, request_, *as, true), request_, true));
    if (!answer) return {};
    if (answer->patch && TRY(set_.patch(webhook, request_, *as, *answer->patch)))
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

// ---- those that only judge

// One call, beside the others.
struct Question {
  const Webhook* webhook;
  const Resource* as;
  std::optional<Result<ReviewAnswer>> answer;
};

ValidatingWebhooks::ValidatingWebhooks(ObjectSource& objects, const Authorizer& authorizer)
    : webhooks_(std::make_unique<WebhookSet>(objects, authorizer,
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
