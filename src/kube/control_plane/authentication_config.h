// SPDX-License-Identifier: Apache-2.0
//
// What aggregated API servers have to know to believe this one who asks: the ConfigMap
// kube-system/extension-apiserver-authentication
// (https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/).
#pragma once

#include <string>

#include "kube/api/object_source.h"
#include "kube/api/status.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

struct AuthenticationConfig {
  std::string client_authorities;  // PEM: who signs certificates of clients
  std::string proxy_authorities;   // PEM: who signs this server's own, with which it speaks for others
};

// Makes the ConfigMap, or puts it right.
Answer<void> publish_authentication(const Verbs& verbs, const ObjectSource& objects,
                                    const AuthenticationConfig& config);

}  // namespace gantry::kube
