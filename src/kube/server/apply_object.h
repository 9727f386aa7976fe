// SPDX-License-Identifier: Apache-2.0
//
// Server-side apply to an object that is there (kube/patch/apply.h).
#pragma once

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/patch/apply.h"
#include "kube/server/verb_functions.h"
#include "kube/server/write_steps.h"

namespace gantry::kube {

// As the request says.
OnConflict on_conflict(const ApiRequest& request);

// `applied`: in the version of the request's resource. `told`: what there was to warn of in it. Errors are
// those of change_object(), and 409 for what others own.
Answer<ApiAnswer> apply_to_live(const VerbParts& parts, const ApiRequest& request, const json::Tree& applied,
                                const Warnings& told);

}  // namespace gantry::kube
