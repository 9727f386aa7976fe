// SPDX-License-Identifier: Apache-2.0
//
// Pulls an image through the daemon, with the user's credentials.
#pragma once

#include <string>

#include "cli/docker/engine_client.h"
#include "cli/docker/message_view.h"

namespace gantry::cli::docker {

// `platform` may be empty. Progress goes to standard error.
Result<void> pull_image(EngineClient& engine, const std::string& image, const std::string& platform,
                        MessageView view);

}  // namespace gantry::cli::docker
