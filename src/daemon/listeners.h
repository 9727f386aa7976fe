// SPDX-License-Identifier: Apache-2.0
//
// The sockets that the engine's API listens on, from the words of its configuration.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "daemon/activation.h"
#include "daemon/engine_config.h"
#include "http/listener.h"
#include "http/tls.h"

namespace gantry::daemon {

// Of `activated`, those are taken that `config.listen` asks for. InvalidArgument for TCP that anybody could
// speak to (EngineConfig::allows_anybody); a warning where that was asked for.
Result<std::vector<http::Listener>> open_listeners(const EngineConfig& config,
                                                   std::vector<ActivatedSocket> activated, const Logger& log);

// Of listeners on TCP; null where none is configured.
Result<std::shared_ptr<const http::TlsContext>> read_tls(const EngineConfig& config);

// Where metrics alone are served: in the clear, as whoever collects them expects. None for no address.
Result<std::vector<http::Listener>> open_metrics_listeners(const EngineConfig& config);

}  // namespace gantry::daemon
