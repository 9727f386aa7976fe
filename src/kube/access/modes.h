// SPDX-License-Identifier: Apache-2.0
//
// --authorization-mode: which authorizers are asked, in which order.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/access/authorizer.h"
#include "kube/access/rbac.h"
#include "kube/access/webhook_authorizer.h"
#include "kube/api/object_source.h"

namespace gantry::kube {

struct AccessOptions {
  std::vector<std::string> modes = {"Node", "RBAC"};  // of AlwaysAllow, AlwaysDeny, Node, RBAC, Webhook
  std::optional<WebhookAuthorizerOptions> webhook;    // of Webhook
};

struct Access {
  std::shared_ptr<const Authorizer> authorizer;  // all that the modes say
  // Always there, whatever the modes: escalation checks look at it.
  std::shared_ptr<const Rbac> rbac;
};

// InvalidArgument for modes that are not known or named twice, and for Webhook without its options.
Result<Access> make_access(const AccessOptions& options, ObjectSource& objects);

}  // namespace gantry::kube
