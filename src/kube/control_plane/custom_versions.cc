// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/custom_versions.h"

#include <utility>

#include <fmt/format.h>

#include "kube/api/tree_lists.h"
#include "kube/schema/decode.h"

namespace gantry::kube {

CustomVersions::CustomVersions(const json::Tree& definition, std::vector<const Resource*> resources,
                               const ServiceRouter& services)
    : resources_(std::move(resources)),
      has_older_stored_(words_of(definition.find("status", "storedVersions")).size() > 1) {
  const json::Tree* conversion = definition.find("spec", "conversion");
  if (conversion != nullptr && conversion->text_at("strategy") == "Webhook")
    webhook_.emplace(*conversion, services);
}

Answer<std::vector<json::Tree>> CustomVersions::convert(std::vector<json::Tree> objects,
                                                        std::string_view api_version) const {
  const Type* type = type_of(*this, api_version);
  if (type == nullptr)
    return internal_error(fmt::format("request to convert CR to an invalid group/version: {}", api_version));
  std::vector<std::size_t> places;
  std::vector<json::Tree> others;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (objects[i].text_at("apiVersion") == api_version) continue;
    places.push_back(i);
    others.push_back(std::move(objects[i]));
  }
  if (webhook_) others = TRY(webhook_->convert(others, api_version));
  for (std::size_t i = 0; i < others.size(); ++i) {
    others[i].object()["apiVersion"] = api_version;
    prune(*type, others[i]);
    objects[places[i]] = std::move(others[i]);
  }
  return objects;
}

}  // namespace gantry::kube
