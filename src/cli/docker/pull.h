// SPDX-License-Identifier: Apache-2.0
//
// Pulls an image through the daemon, with the user's credentials.
#pragma once

#include <string>

#include "cli/docker/engine_client.h"
#include "cli/docker/message_view.h"
#include "oci/image/reference.h"

namespace gantry::cli::docker {

// The header X-Registry-Auth for a registry that the user may have logged in to.
Result<std::string> registry_auth(const oci::Reference& reference);

// `platform` may be empty. Progress goes to the descriptor `out`.
Result<void> pull_image(EngineClient& engine, const oci::Reference& image, const std::string& platform,
                        int out, MessageView view);

}  // namespace gantry::cli::docker
