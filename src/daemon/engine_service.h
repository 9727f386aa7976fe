// SPDX-License-Identifier: Apache-2.0
//
// The engine role: containers, networks, builds, and the Docker API over them.
#pragma once

#include <functional>
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

// What the configuration says now.
using ReadConfig = std::function<Result<EngineConfig>()>;

// Takes requests when it returns; containers of an earlier daemon are taken up first. `store` (whose root
// holds all that must survive) and `log` outlive it. A reload reads the configuration again, and takes over
// of it the certificates, labels, insecure registries and registry mirrors; the rest is settled here.
Result<std::unique_ptr<Service>> start_engine(const EngineConfig& config, ReadConfig read_config,
                                              image::ImageStore& store,
                                              std::vector<ActivatedSocket> activated, const Logger& log);

}  // namespace gantry::daemon
