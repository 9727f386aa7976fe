// SPDX-License-Identifier: Apache-2.0
//
// What the cache has to know of a resource: where it is stored, and which fields selectors ask for.
#pragma once

#include "kube/schema/resource.h"
#include "kube/storage/object_cache.h"

namespace gantry::kube {

StoredKind stored_kind_of(const Resource& resource);
// Of the built-in resources that are kept.
std::vector<StoredKind> built_in_kinds();

}  // namespace gantry::kube
