// SPDX-License-Identifier: Apache-2.0
//
// The query parameters of get, list and watch: checked, and made what storage takes
// (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions).
#pragma once

#include <chrono>

#include "kube/api/status.h"
#include "kube/server/api_request.h"
#include "kube/storage/object_storage.h"

namespace gantry::kube {

// Namespace, name, labels and fields. 400 for selectors that are none.
Answer<Selection> selection_of(const Collection& collection, const ApiRequest& request);
// Namespace and name of it alone: what may be selected (shown_selection.h).
Answer<Selection> selection_by_names(const Collection& collection, const ApiRequest& request);
// 422 for parameters that do not go together.
Answer<ListRequest> list_request(const ApiRequest& request, Selection selection);
Answer<ReadVersion> watch_version(const ReadOptions& options);
// How long a watch lasts: as long as the client says, or half an hour to an hour, so that those who came
// together do not come back together.
std::chrono::milliseconds watch_time(const ReadOptions& options);

}  // namespace gantry::kube
