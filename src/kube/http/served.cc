// SPDX-License-Identifier: Apache-2.0
#include "kube/http/served.h"

#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

std::vector<const Resource*> all_of(const std::vector<std::shared_ptr<const Resource>>& custom) {
  std::vector<const Resource*> all;
  for (const Resource& resource : Catalog::built_in().resources()) all.push_back(&resource);
  for (const auto& resource : custom) all.push_back(resource.get());
  return all;
}

auto by_name(const std::vector<const Resource*>& resources) {
  std::map<std::tuple<std::string_view, std::string_view, std::string_view>, const Resource*> found;
  for (const Resource* resource : resources)
    found.emplace(std::tuple<std::string_view, std::string_view, std::string_view>(
                      resource->kind.group, resource->kind.version, resource->plural),
                  resource);
  return found;
}

}  // namespace

Served::Served(std::vector<std::shared_ptr<const Resource>> custom, std::string_view address)
    : custom_(std::move(custom)),
      resources_(all_of(custom_)),
      by_name_(by_name(resources_)),
      discovery_(resources_, {}, address),
      openapi_(resources_) {}

const Resource* Served::find(std::string_view group, std::string_view version,
                             std::string_view plural) const {
  const auto found = by_name_.find({group, version, plural});
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace gantry::kube
