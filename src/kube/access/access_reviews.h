// SPDX-License-Identifier: Apache-2.0
//
// The kinds of authorization.k8s.io/v1, which are asked and answered and never stored: each function takes
// the object that was sent and gives it back with its status. 422 for what cannot be answered.
#pragma once

#include "base/json_tree.h"
#include "kube/access/authorizer.h"
#include "kube/api/status.h"

namespace gantry::kube {

Answer<json::Tree> review_subject_access(const Authorizer& authorizer, json::Tree review);
// `name_space`: of the request; the review's must be the same.
Answer<json::Tree> review_local_subject_access(const Authorizer& authorizer, std::string_view name_space,
                                               json::Tree review);
Answer<json::Tree> review_self_subject_access(const Authorizer& authorizer, const User& user,
                                              json::Tree review);
Answer<json::Tree> review_self_subject_rules(const Authorizer& authorizer, const User& user,
                                             json::Tree review);

// The spec of a SubjectAccessReview for a request: what a webhook is asked.
json::Tree subject_access_spec(const AccessRequest& request);

}  // namespace gantry::kube
