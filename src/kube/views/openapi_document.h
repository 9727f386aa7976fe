// SPDX-License-Identifier: Apache-2.0
//
// Whole OpenAPI documents of some resources, as JSON.
#pragma once

#include <span>
#include <string>

#include "kube/schema/resource.h"
#include "kube/views/openapi_schema.h"

namespace gantry::kube::views {

std::string openapi_document(std::span<const Resource* const> resources, Dialect dialect);

}  // namespace gantry::kube::views
