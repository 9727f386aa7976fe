// SPDX-License-Identifier: Apache-2.0
//
// OpenAPI 2 is one document for all that a cluster has, also for what other API servers serve in it.
#pragma once

#include <span>
#include <string>

#include "kube/views/foreign_version.h"

namespace gantry::kube::views {

// `own`: our document. Of the others' what is below the paths of their group and version, and what that
// refers to. What has another's name and is not the same gets a name of its own ("..._v2"). A document that
// is none, or beyond our limits, is left out.
std::string merge_openapi(std::string own, std::span<const ForeignVersion> others);

}  // namespace gantry::kube::views
