// SPDX-License-Identifier: Apache-2.0
#include "engine/used_image.h"

#include <utility>

#include "image/unpack_image.h"
#include "oci/image/reference.h"

namespace gantry::engine {

namespace {

bool is_platform_of(const oci::Platform& platform, const std::string& wanted) {
  if (wanted.empty()) return true;
  const auto parsed = oci::Platform::parse(wanted);
  return parsed && parsed->os == platform.os &&
         (parsed->architecture.empty() || parsed->architecture == platform.architecture) &&
         (parsed->variant.empty() || parsed->variant == platform.variant);
}

}  // namespace

Result<UsedImage> find_image(Core& core, const std::string& name, const std::string& platform) {
  if (name.empty()) return error(Code::InvalidArgument, "no image was named");
  auto found = core.store.resolve(name);
  if (!found && found.error().code() == Code::NotFound) {
    const auto reference = oci::Reference::parse(name);
    return error(Code::NotFound, "No such image: {}", reference ? reference->familiar() : name);
  }
  UsedImage used{.image = TRY(std::move(found))};
  used.config = TRY(image::read_config(core.store, used.image));
  if (!is_platform_of(used.config.platform, platform))
    return error(
        Code::NotFound,
        "image with reference {} was found but its platform ({}) does not match the specified platform "
        "({})",
        name, used.config.platform.str(), platform);
  return used;
}

}  // namespace gantry::engine
