// SPDX-License-Identifier: Apache-2.0
//
// What every cluster has from its first moment: namespaces, priority classes, roles and their bindings, flow
// schemas and priority levels, and the service "kubernetes" with this server behind it. What is there stays
// as it is.
#pragma once

#include <cstdint>
#include <string>

#include "kube/api/object_source.h"
#include "kube/api/status.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

struct Endpoint {
  std::string address;
  std::uint16_t port = 0;
  std::string service_address;  // of the service in front of it
};

Answer<void> bootstrap(const Verbs& verbs, const ObjectSource& objects, const Endpoint& server);

// What the plugin ResourceQuota asks for (kube/admission/plugins.h).
Answer<void> update_quota(const Verbs& verbs, json::Tree quota);

}  // namespace gantry::kube
