// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/webhook_set.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/patch/json_patch.h"
#include "kube/policy/changed_object.h"

namespace gantry::kube::admission {
namespace {

// What a webhook says of its refusal, never less than an error.
Status refusal(const Webhook& webhook, const json::Tree& said) {
  const json::Tree* code = said.find("code");
  Status::Detail detail;
  detail.code = static_cast<int>(
      std::clamp<std::int64_t>(code == nullptr ? 400 : code->as_int64().value_or(400), 400, 599));
  detail.reason = said.text_at("reason");
  const std::string_view message = said.text_at("message");
  const std::string_view why = message.empty() ? std::string_view(detail.reason) : message;
  detail.message = fmt::format("admission webhook \"{}\" denied the request{}{}", webhook.name(),
                               why.empty() ? " " : ": ", why.empty() ? "without explanation" : why);
  detail.group = said.text_at("details", "group");
  detail.kind = said.text_at("details", "kind");
  detail.name = said.text_at("details", "name");
  if (const json::Tree* causes = said.find("details", "causes"))
    for (const json::Tree& cause : causes->array())
      detail.causes.push_back({std::string(cause.text_at("reason")), std::string(cause.text_at("message")),
                               std::string(cause.text_at("field"))});
  return Status(std::move(detail));
}

}  // namespace

WebhookSet::WebhookSet(ObjectSource& objects, const Authorizer& authorizer, const ServiceRouter& services,
                       const char* stored_as)
    : objects_(objects), services_(services), questions_(authorizer) {
  follower_ = objects.follow(stored_as, [this](const ObjectChange& change) { put(change); });
}

std::shared_ptr<const WebhookSet::Webhooks> WebhookSet::current() const {
  MutexLock lock(mutex_);
  return current_;
}

std::size_t WebhookSet::index_of(const Webhook& webhook) const {
  const auto all = current();
  const auto found = std::ranges::find(*all, &webhook, [](const auto& one) { return one.get(); });
  return static_cast<std::size_t>(found - all->begin());
}

void WebhookSet::put(const ObjectChange& change) {
  Webhooks webhooks;
  const json::Tree* given = change.object == nullptr ? nullptr : change.object->find("webhooks");
  if (given != nullptr)
    for (const json::Tree& webhook : given->array())
      webhooks.push_back(std::make_shared<const Webhook>(std::string(change.name), webhook));
  MutexLock lock(mutex_);
  by_configuration_[std::string(change.name)] = std::move(webhooks);
  if (change.object == nullptr) by_configuration_.erase(std::string(change.name));
  Webhooks all;
  for (const auto& [name, of_one] : by_configuration_) all.insert(all.end(), of_one.begin(), of_one.end());
  current_ = std::make_shared<const Webhooks>(std::move(all));
}

Answer<const Resource*> WebhookSet::wants(const Webhook& webhook, const AdmissionRequest& request) const {
  const Resource* as = TRY(webhook.wants(request, objects_, questions_));
  if (as != nullptr && request.is_dry_run && !webhook.supports_dry_run())
    return bad_request(fmt::format("admission webhook \"{}\" does not support dry run", webhook.name()));
  return as;
}

Result<ReviewAnswer> WebhookSet::call(const Webhook& webhook, const AdmissionRequest& request,
                                      const Resource& as, bool may_patch) const {
  const auto view = RequestView::make(request, as);
  if (!view) return error(Code::Internal, "{}", view.error()->message);
  return webhook.call(*view, services_, may_patch);
}

Answer<std::optional<ReviewAnswer>> WebhookSet::settle(const Webhook& webhook, Result<ReviewAnswer> answer,
                                                       AdmissionRequest& request, bool may_patch) const {
  if (!answer) {
    const std::string problem =
        fmt::format("failed calling webhook \"{}\": {}", webhook.name(), answer.error().message());
    if (webhook.fails_closed()) return internal_error(problem);
    // Nobody is told but the audit log.
    request.audit_annotations.emplace(fmt::format("failed-open.{}.webhook.admission.k8s.io/round_0_index_{}",
                                                  may_patch ? "mutation" : "validating", index_of(webhook)),
                                      webhook.name());
    return std::optional<ReviewAnswer>();
  }
  for (std::string& warning : answer->warnings) request.warnings.push_back(std::move(warning));
  for (auto& [key, value] : answer->audit_annotations)
    request.audit_annotations.emplace(fmt::format("{}/{}", webhook.name(), key), std::move(value));
  if (!answer->is_allowed) return refusal(webhook, answer->status);
  return std::optional(std::move(*answer));
}

Answer<bool> WebhookSet::patch(const Webhook& webhook, AdmissionRequest& request, const Resource& as,
                               const json::Tree& patch) const {
  if (patch.array().empty()) return false;
  if (request.object == nullptr)
    return internal_error(fmt::format(
        "admission webhook \"{}\" attempted to modify the object, which is not supported for this operation",
        webhook.name()));
  const RequestView view = TRY(RequestView::make(request, as));
  auto patched = apply_json_patch(view.object(), patch);
  if (!patched) return internal_error(patched.error()->message);
  return change_object(request, as, std::move(*patched), FieldValidation::Ignore);
}

}  // namespace gantry::kube::admission
