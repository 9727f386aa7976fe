// SPDX-License-Identifier: Apache-2.0
//
// What a container inherits from its image, by Docker's rules.
#pragma once

#include "base/error.h"
#include "container/settings.h"
#include "oci/image/image_config.h"

namespace gantry::container {

// Env, labels, ports and volumes are those of both, the container's own first; every other field is the
// image's where the container has none. An entrypoint of its own also puts the image's Cmd aside... unless it
// is empty (Docker: `--entrypoint ""` is {""} and stands for none at all). InvalidArgument: "no command
// specified".
Result<Config> merge_image(Config config, const oci::ContainerConfig& image);

// The same without asking for a command: for an image that a container or a build step becomes.
Config merge_image_settings(Config config, const oci::ContainerConfig& image);

// The variables of `base` with those of `changes` in their places, new ones behind. "NAME" alone takes one
// away.
std::vector<std::string> merge_environment(std::vector<std::string> base,
                                           const std::vector<std::string>& changes);

}  // namespace gantry::container
