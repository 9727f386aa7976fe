// SPDX-License-Identifier: Apache-2.0
//
// The engine role: containers, networks, builds, and the Docker API over them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "daemon/activation.h"
#include "daemon/engine_config.h"
#include "daemon/service.h"
#include "image/image_store.h"

namespace gantry::daemon {

// Takes requests when it returns; containers of an earlier daemon are taken up first. `store` (whose root
// holds all that must survive) and `log` outlive it.
Result<std::unique_ptr<Service>> start_engine(const EngineConfig& config, image::ImageStore& store,
                                              std::vector<ActivatedSocket> activated, const Logger& log);

}  // namespace gantry::daemon
