// SPDX-License-Identifier: Apache-2.0
//
// Kubernetes' library for asking what somebody may do: the variables `authorizer` and
// `authorizer.requestResource` of policies and match conditions.
//
//   authorizer.group('apps').resource('deployments').namespace('web').check('create').allowed()
#pragma once

#include <string>

#include "kube/api/user.h"
#include "kube/cel/value.h"

namespace gantry::kube::cel {

// Whoever evaluates says who decides. For any thread.
class Authorizer {
 public:
  struct Decision {
    bool is_allowed = false;
    std::string reason;
    std::string error;  // empty: there was none
  };
  virtual ~Authorizer() = default;
  virtual Decision decide(const AccessRequest& request) const = 0;
};

// Both are borrowed.
Value value_of(const Authorizer& authorizer, const User& user, Memory& memory);
// What the request itself is about; group, resource, subresource, namespace and name count.
Value value_of(const Authorizer& authorizer, const AccessRequest& request, Memory& memory);

}  // namespace gantry::kube::cel
