// SPDX-License-Identifier: Apache-2.0
#include "kube/access/modes.h"

#include <algorithm>

#include "kube/access/node_authorizer.h"

namespace gantry::kube {

Result<Access> make_access(const AccessOptions& options, ObjectSource& objects) {
  Access access{.rbac = std::make_shared<const Rbac>(objects)};
  std::vector<std::shared_ptr<const Authorizer>> members;
  for (auto mode = options.modes.begin(); mode != options.modes.end(); ++mode) {
    if (std::find(options.modes.begin(), mode, *mode) != mode)
      return error(Code::InvalidArgument, "authorization mode '{}' is named twice", *mode);
    if (*mode == "RBAC") {
      members.push_back(access.rbac);
    } else if (*mode == "Node") {
      members.push_back(std::make_shared<const NodeAuthorizer>(objects));
    } else if (*mode == "AlwaysAllow") {
      members.push_back(always_allow());
    } else if (*mode == "AlwaysDeny") {
      members.push_back(always_deny());
    } else if (*mode == "Webhook") {
      if (!options.webhook)
        return error(Code::InvalidArgument, "authorization mode Webhook needs a webhook's configuration");
      members.push_back(std::make_shared<const WebhookAuthorizer>(*options.webhook));
    } else {
      return error(
          Code::InvalidArgument,
          "authorization mode '{}' is not known; there are Node, RBAC, Webhook, AlwaysAllow and AlwaysDeny",
          *mode);
    }
  }
  if (members.empty()) return error(Code::InvalidArgument, "no authorization mode is named");
  access.authorizer = std::make_shared<const AuthorizerChain>(std::move(members));
  return access;
}

}  // namespace gantry::kube
