// SPDX-License-Identifier: Apache-2.0
//
// An image by the name that a client gives: what containers are made of, or have mounted.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/core.h"
#include "image/image_store.h"
#include "oci/image/image_config.h"

namespace gantry::engine {

struct UsedImage {
  image::Image image;
  oci::ImageConfig config;
};

// `platform`: "os/arch/variant"; empty: any. NotFound, in Docker's words: "No such image: x".
Result<UsedImage> find_image(Core& core, const std::string& name, const std::string& platform);

}  // namespace gantry::engine
