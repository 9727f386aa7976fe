// SPDX-License-Identifier: Apache-2.0
//
// What webhooks are sent and what they answer: admission.k8s.io/v1 AdmissionReview
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
// #webhook-request-and-response).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kube/policy/request_view.h"

namespace gantry::kube::admission {

struct ReviewAnswer {
  bool is_allowed = false;
  std::optional<json::Tree> patch;  // a JSON patch
  json::Tree status;                // what the webhook says of a refusal; null: nothing
  std::vector<std::string> warnings;
  std::map<std::string, std::string> audit_annotations;
};

// `version`: "v1" or "v1beta1".
std::string review_of(const RequestView& view, std::string_view uid, std::string_view version);

// InvalidArgument for what is no answer to the review of that uid; a webhook that only validates sends no
// patch.
Result<ReviewAnswer> read_answer(std::string text, std::string_view uid, std::string_view version,
                                 bool may_patch);

}  // namespace gantry::kube::admission
