// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json_tree.h"
#include "kube/api/user.h"

namespace gantry::kube {

// {"username":"alice","groups":["ops"],...}: UserInfo of authentication.k8s.io/v1, as reviews, webhooks and
// the audit log show who asks.
json::Tree user_info(const User& user);

}  // namespace gantry::kube
