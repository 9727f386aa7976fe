// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "daemon/service.h"
#include "kube/control_plane/options.h"

namespace gantry::daemon {

// The role "controlPlane" at work. `log` outlives it.
Result<std::unique_ptr<Service>> start_control_plane(const kube::ControlPlaneOptions& options,
                                                     const Logger& log);

}  // namespace gantry::daemon
