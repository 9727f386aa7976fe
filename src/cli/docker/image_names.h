// SPDX-License-Identifier: Apache-2.0
//
// An image in lists has a line for each of its tags.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace gantry::cli::docker {

struct NamedImage {
  std::string repository = "<none>", tag = "<none>", digest = "<none>";
};

// Of an image as the daemon lists it; one for an image without any tag.
std::vector<NamedImage> names_of(const json::Value& image);

}  // namespace gantry::cli::docker
