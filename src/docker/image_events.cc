// SPDX-License-Identifier: Apache-2.0
#include "docker/image_events.h"

#include "engine/engine.h"

namespace gantry::docker {

void publish_image_event(const Context& context, std::string_view action, const image::Image& image,
                         const std::string& name) {
  std::map<std::string, std::string> attributes = image.labels;
  attributes["name"] = name;
  context.engine.events().publish({.type = "image",
                                   .action = std::string(action),
                                   .actor = image.id.str(),
                                   .attributes = std::move(attributes)});
}

void publish_transfer_event(const Context& context, std::string_view action, const oci::Reference& name) {
  std::map<std::string, std::string> attributes;
  if (const auto image = context.images.image_named(name.str()); image && *image)
    attributes = (*image)->labels;
  attributes["name"] = name.familiar_name();
  context.engine.events().publish({.type = "image",
                                   .action = std::string(action),
                                   .actor = name.familiar(),
                                   .attributes = std::move(attributes)});
}

}  // namespace gantry::docker
