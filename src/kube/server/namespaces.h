// SPDX-License-Identifier: Apache-2.0
//
// What is special about namespaces: objects are made in those that are there and stay, and they themselves go
// only when nothing is left in them
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/).
#pragma once

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

inline constexpr const char* kNamespaces = "namespaces";

bool is_namespace(const Resource& resource);

// 404 if the request's namespace is not there, 403 if it is being deleted.
Answer<void> check_takes_new_objects(const VerbParts& parts, const ApiRequest& request);

// 403 for those that stay for good.
Answer<void> check_may_go(const ApiRequest& request);
// Whether somebody still has to empty it.
bool has_content_finalizers(const json::Tree& object);
// Says that it is going to be deleted.
void begin_termination(json::Tree& object);

}  // namespace gantry::kube
