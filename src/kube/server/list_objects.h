// SPDX-License-Identifier: Apache-2.0
//
// What a list, or a deletion of many, is of: selected in the version that is asked for, and as it is shown.
#pragma once

#include <vector>

#include "kube/server/api_request.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

struct SelectedObjects {
  std::vector<ObjectRef> stored;
  ApiList list;  // the same as they are shown, in the same order
};

Answer<SelectedObjects> selected_objects(const VerbParts& parts, const ApiRequest& request);

}  // namespace gantry::kube
