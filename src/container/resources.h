// SPDX-License-Identifier: Apache-2.0
//
// Limits in Docker's words as the runtime takes them, and the same for ulimits.
#pragma once

#include <vector>

#include "base/error.h"
#include "container/settings.h"
#include "oci/runtime_spec.h"

namespace gantry::container {

// What is given and nothing else; devices are grant_devices()'s. Fails when a device named for an io limit is
// none.
Result<oci::Resources> resources_of(const Resources& resources);

// {"nofile", 1024, 2048} as RLIMIT_NOFILE; `defaults` are the daemon's, for names that are not in `own`.
// InvalidArgument: an unknown name, a soft limit above the hard one.
Result<std::vector<oci::Rlimit>> rlimits_of(const std::vector<Ulimit>& own,
                                            const std::vector<Ulimit>& defaults);

}  // namespace gantry::container
