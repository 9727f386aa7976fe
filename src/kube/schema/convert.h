// SPDX-License-Identifier: Apache-2.0
//
// Built-in kinds that are shown in several groups or versions: one stored form, and the way to the others and
// back. Of kinds that differ by their apiVersion alone nothing else changes.
#pragma once

#include "base/json_tree.h"
#include "kube/schema/resource.h"

namespace gantry::kube {

// From the form that `resource` shows to the one that is stored, apiVersion and kind included. Whatever is
// not in place stays as it is.
void to_stored(const Resource& resource, json::Tree& object);
// And back.
void from_stored(const Resource& resource, json::Tree& object);

}  // namespace gantry::kube
