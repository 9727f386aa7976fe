// SPDX-License-Identifier: Apache-2.0
//
// What pods can be told of themselves, in variables and files (core/v1 ObjectFieldSelector,
// ResourceFieldSelector).
#pragma once

#include <span>
#include <string_view>

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

// `fields`: those that can be told as a whole; of labels and annotations single ones can be, too.
void field_reference(const Spot& reference, std::span<const std::string_view> fields);
// `names_container`: it is not clear of itself whose resource is meant.
void resource_reference(const Spot& reference, bool names_container);

}  // namespace gantry::kube::rules
