// SPDX-License-Identifier: Apache-2.0
//
// `docker update`: what is given takes the place of what was, what is not stays.
#pragma once

#include "container/settings.h"

namespace gantry::engine {

void merge_resources(container::Resources& resources, const container::Resources& changes);

}  // namespace gantry::engine
