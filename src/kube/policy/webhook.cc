// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/webhook.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/random.h"
#include "kube/api/tree_lists.h"

namespace gantry::kube::admission {
namespace {

constexpr std::size_t kAnswerBytes = 8 << 20;

std::string first_known_version(const json::Tree& versions) {
  for (const json::Tree& version : versions.array())
    if (version.as_string() == "v1" || version.as_string() == "v1beta1")
      return std::string(version.as_string());
  return "";
}

}  // namespace

Webhook::Webhook(std::string configuration, const json::Tree& webhook)
    : configuration_(std::move(configuration)),
      name_(webhook.text_at("name")),
      match_(RequestMatch::from_tree(webhook, "rules")),
      conditions_(webhook.find("matchConditions"), false),
      fails_closed_(webhook.text_at("failurePolicy") != "Ignore"),
      is_reinvoked_(webhook.text_at("reinvocationPolicy") == "IfNeeded"),
      supports_dry_run_(webhook.text_at("sideEffects") == "None" ||
                        webhook.text_at("sideEffects") == "NoneOnDryRun"),
      timeout_(std::clamp<std::int64_t>(member_of(webhook, "timeoutSeconds").as_int64().value_or(10), 1, 30)),
      version_(first_known_version(member_of(webhook, "admissionReviewVersions"))),
      client_(member_of(webhook, "clientConfig"), timeout_, "kube-apiserver-admission") {}

Answer<const Resource*> Webhook::wants(const AdmissionRequest& request, const ObjectSource& objects,
                                       const cel::Authorizer& authorizer) const {
  if (!match_) return internal_error(match_.error()->message);
  const Resource* as = TRY(match_->find(request, objects));
  if (as == nullptr || conditions_.is_empty()) return as;
  const RequestView view = TRY(RequestView::make(request, *as));
  RequestValues values(view, objects, authorizer, nullptr, false);
  const auto holds = conditions_.hold(values);
  if (holds) return *holds ? as : nullptr;
  if (fails_closed_) return request.forbidden(holds.error().message());
  return nullptr;
}

Result<ReviewAnswer> Webhook::call(const RequestView& view, const ServiceRouter& services,
                                   bool may_patch) const {
  if (version_.empty())
    return error(Code::Unsupported, "webhook does not accept known AdmissionReview versions (v1, v1beta1)");
  const std::string uid = random_uuid();
  std::string text =
      TRY_DURING(client_.post(review_of(view, uid, version_), fmt::format("timeout={}s", timeout_.count()),
                              kAnswerBytes, services),
                 "failed to call webhook");
  return TRY_DURING(read_answer(std::move(text), uid, version_, may_patch),
                    "received invalid webhook response");
}

}  // namespace gantry::kube::admission
