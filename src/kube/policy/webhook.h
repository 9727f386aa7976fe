// SPDX-License-Identifier: Apache-2.0
//
// One webhook of a MutatingWebhookConfiguration or a ValidatingWebhookConfiguration. For any thread.
#pragma once

#include <chrono>
#include <string>

#include "kube/policy/admission_review.h"
#include "kube/policy/expressions.h"
#include "kube/policy/request_match.h"
#include "kube/policy/webhook_client.h"

namespace gantry::kube::admission {

class Webhook {
 public:
  Webhook(std::string configuration, const json::Tree& webhook);

  const std::string& name() const { return name_; }
  const std::string& configuration() const { return configuration_; }
  bool fails_closed() const { return fails_closed_; }
  bool is_reinvoked() const { return is_reinvoked_; }  // when others changed the object after it

  // The resource as which it wants to see the request; null: it does not. By its rules, selectors and match
  // conditions.
  Answer<const Resource*> wants(const AdmissionRequest& request, const ObjectSource& objects,
                                const cel::Authorizer& authorizer) const;
  // Asks it; blocks no longer than its timeout. What went wrong on the way is an Error, in words that stand
  // behind `failed calling webhook "name"`. `may_patch`: of a mutating one.
  Result<ReviewAnswer> call(const RequestView& view, const ServiceRouter& services, bool may_patch) const;
  // A dry run must not have effects elsewhere.
  bool supports_dry_run() const { return supports_dry_run_; }

 private:
  std::string configuration_;
  std::string name_;
  Answer<RequestMatch> match_;
  MatchConditions conditions_;
  bool fails_closed_ = true;
  bool is_reinvoked_ = false;
  bool supports_dry_run_ = false;
  std::chrono::seconds timeout_{10};
  std::string version_;  // of reviews; empty: it knows none of ours
  WebhookClient client_;
};

}  // namespace gantry::kube::admission
