// SPDX-License-Identifier: Apache-2.0
//
// The kinds of authentication.k8s.io/v1 that are asked and answered and never stored: each function takes the
// object that was sent and gives it back with its status.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/api/user.h"
#include "kube/identity/token_authenticator.h"

namespace gantry::kube {

// `audiences`: of this server, for reviews that name none. `now`: seconds since 1970.
Answer<json::Tree> review_token(const TokenAuthenticator& tokens, const std::vector<std::string>& audiences,
                                json::Tree review, std::int64_t now);
json::Tree review_self(const User& user, json::Tree review);

}  // namespace gantry::kube
