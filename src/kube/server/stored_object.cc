// SPDX-License-Identifier: Apache-2.0
#include "kube/server/stored_object.h"

#include <fmt/format.h>

#include "kube/schema/convert.h"
#include "kube/storage/object_text.h"

namespace gantry::kube {

Answer<json::Tree> tree_of(const Resource& resource, const SharedBytes& json) {
  auto tree = json::Tree::parse(std::string(json.view()), kStoredLimits);
  if (!tree)
    return internal_error(
        fmt::format("an object of {} is damaged: {}", resource.id().text(), tree.error().message()));
  if (!is_shown_as_stored(resource)) from_stored(resource, *tree);
  return *std::move(tree);
}

Answer<SharedBytes> shown(const Resource& resource, const SharedBytes& json) {
  if (is_shown_as_stored(resource)) return json;
  return shown(TRY(tree_of(resource, json)));
}

Answer<SharedBytes> shown(const Resource& resource, const Object& object) {
  return shown(resource, object.json());
}

SharedBytes shown(const json::Tree& object) { return SharedBytes(object.to_text()); }

std::string text_to_store(const Resource& resource, json::Tree object) {
  if (!is_shown_as_stored(resource)) to_stored(resource, object);
  return stored_text(object);
}

}  // namespace gantry::kube
