// SPDX-License-Identifier: Apache-2.0
//
// Tells everybody who listens what happened to images.
#pragma once

#include <string>
#include <string_view>

#include "docker/context.h"
#include "image/image_store.h"
#include "oci/image/reference.h"

namespace gantry::docker {

// Something that happened here: "tag", "untag", "delete", "import", "load", "save". The actor is the image's
// id.
void publish_image_event(const Context& context, std::string_view action, const image::Image& image,
                         const std::string& name);
// To or from a registry: "pull", "push". The actor is the name.
void publish_transfer_event(const Context& context, std::string_view action, const oci::Reference& name);

}  // namespace gantry::docker
