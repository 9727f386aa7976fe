// SPDX-License-Identifier: Apache-2.0
//
// What a deletion makes of an object: most go at once; those that wait for finalizers, and pods that run
// somewhere, are marked and go later
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/,
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination). Pure functions.
#pragma once

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/schema/resource.h"
#include "kube/server/api_request.h"

namespace gantry::kube {

struct Deletion {
  json::Tree object;        // marked
  bool goes_now = false;    // nothing holds it
  bool is_pending = false;  // it has been marked before, and this changes nothing
};

// 422 for options that do not go together.
Answer<void> check(const DeleteOptions& options);
// `now`: seconds since 1970.
Deletion begin_deletion(const Resource& resource, const json::Tree& live, const DeleteOptions& options,
                        std::int64_t now);

}  // namespace gantry::kube
