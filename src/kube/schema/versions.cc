// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/versions.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kube/schema/convert.h"

namespace gantry::kube {

static const Resource* find(const Versions& versions, std::string_view api_version) {
  const auto found = std::ranges::find_if(versions.resources(), [&](const Resource* resource) {
    return is_api_version(resource->kind, api_version);
  });
  return found == versions.resources().end() ? nullptr : *found;
}

const Type* type_of(const Versions& versions, std::string_view api_version) {
  const Resource* resource = find(versions, api_version);
  return resource == nullptr ? nullptr : resource->type;
}

Answer<json::Tree> convert(const Versions& versions, json::Tree object, std::string_view api_version) {
  std::vector<json::Tree> objects;
  objects.push_back(std::move(object));
  objects = TRY(versions.convert(std::move(objects), api_version));
  return std::move(objects.front());
}

Answer<std::vector<json::Tree>> BuiltInVersions::convert(std::vector<json::Tree> objects,
                                                         std::string_view api_version) const {
  const Resource* to = find(*this, api_version);
  for (json::Tree& object : objects) {
    const Resource* from = find(*this, object.text_at("apiVersion"));
    if (from == nullptr || to == nullptr)
      return internal_error(fmt::format("there is no way from version '{}' to '{}'",
                                        object.text_at("apiVersion"), api_version));
    if (from == to) continue;
    to_stored(*from, object);
    from_stored(*to, object);
  }
  return objects;
}

}  // namespace gantry::kube
