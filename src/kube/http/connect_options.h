// SPDX-License-Identifier: Apache-2.0
//
// Parameters of a request that leads out of the server, as the object that admission sees (PodExecOptions
// ...) and back.
#pragma once

#include "base/json_tree.h"
#include "http/url.h"
#include "kube/schema/resource.h"

namespace gantry::kube {

// Those that the subresource's kind has.
json::Tree connect_options(const http::Query& query, const Subresource& subresource);
http::Query connect_query(const json::Tree& options);

}  // namespace gantry::kube
