// SPDX-License-Identifier: Apache-2.0
//
// Taking images away, by Docker's rules: a name goes, and the image with its last name; an id takes all names
// of one repository; what a container uses stays, unless it does not run and `force` says so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"
#include "docker/context.h"
#include "image/image_store.h"

namespace gantry::docker {

// ImageDeleteResponseItem: one of the two.
struct RemovedItem {
  std::string untagged;  // a name
  std::string deleted;   // an id of an image or a layer
};
void fields(json::Fields& f, RemovedItem& item);

struct Removed {
  std::vector<RemovedItem> items;
  std::uint64_t bytes = 0;  // that came free
};

// `ref` is what a client wrote: a name, an id or its first digits. NotFound; Conflict says who holds it.
Result<Removed> remove_image(const Context& context, const std::string& ref, bool force);

// The whole image with all its names; nothing if a container uses it by now.
Result<Removed> prune_image(const Context& context, const image::Image& image);

// Frees what nothing holds any more; answers bytes.
Result<std::uint64_t> free_space(const Context& context);

// The image for what a client wrote. NotFound "No such image: x".
Result<image::Image> find_image(const Context& context, const std::string& ref);

// What is said of an image that is not there; InvalidArgument for what cannot be the name of one.
Error no_such_image(const std::string& ref);

}  // namespace gantry::docker
