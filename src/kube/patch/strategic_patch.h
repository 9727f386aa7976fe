// SPDX-License-Identifier: Apache-2.0
//
// Strategic merge patch (application/strategic-merge-patch+json): a merge patch that knows the kind's lists.
// Lists whose field says so merge by a key of their elements; directives in the patch ($patch, $retainKeys,
// $deleteFromPrimitiveList, $setElementOrder) say the rest
// (https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md).
#pragma once

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/schema/type.h"

namespace gantry::kube {

// `type`: of the object. 400 BadRequest for a patch that is malformed, 422 Invalid for one that does not fit
// what it changes.
Answer<json::Tree> apply_strategic_patch(json::Tree object, json::Tree patch, const Type& type);

}  // namespace gantry::kube
