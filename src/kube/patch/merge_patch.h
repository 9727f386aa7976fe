// SPDX-License-Identifier: Apache-2.0
//
// JSON merge patch, RFC 7386 (application/merge-patch+json): what stands in the patch replaces, null removes.
#pragma once

#include "base/json_tree.h"
#include "kube/api/status.h"

namespace gantry::kube {

// 400 BadRequest if the patch is no object.
Answer<json::Tree> apply_merge_patch(json::Tree object, json::Tree patch);

}  // namespace gantry::kube
