// SPDX-License-Identifier: Apache-2.0
//
// An object is read, changed and written, again and again until nobody else was faster: update, patch and
// every subresource.
#pragma once

#include <functional>
#include <optional>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/server/verb_functions.h"
#include "kube/server/write_steps.h"

namespace gantry::kube {

// What the server itself has made of an object (a binding) needs no rules and no admission.
enum class Checks : bool { None, All };

struct Proposal {
  json::Tree object;  // in the version of the request's resource
  Tracking tracking = Tracking::IsToDo;
  Checks checks = Checks::All;
};
// What is to become of the object, which is in the version of the request's resource and has its
// resourceVersion; nothing: it stays as it is.
using Propose = std::function<Answer<std::optional<Proposal>>(const json::Tree& live, Warnings& warnings)>;

// 404 if it is not there; 409 if what is proposed is of another resourceVersion. What has not changed is not
// written. Who waits for finalizers only is deleted with the last of them.
Answer<ApiAnswer> change_object(const VerbParts& parts, const ApiRequest& request, const Propose& propose);

}  // namespace gantry::kube
