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

Served::Served(std::vector<std::shared_ptr<const Resource>> custom,
               std::span<const views::ForeignVersion> foreign, std::string_view address)
    : custom_(std::move(custom)),
      resources_(all_of(custom_)),
      by_name_(by_name(resources_)),
      discovery_(resources_, foreign, address),
      openapi_(resources_, foreign) {}

const Resource* Served::find(std::string_view group, std::string_view version,
                             std::string_view plural) const {
  const auto found = by_name_.find({group, version, plural});
  return found == by_name_.end() ? nullptr : found->second;
}

CurrentlyServed::CurrentlyServed(std::string address) : address_(std::move(address)) {
  const MutexLock lock(making_);
  make();
}

void CurrentlyServed::set_custom(std::vector<std::shared_ptr<const Resource>> custom) {
  const MutexLock lock(making_);
  custom_ = std::move(custom);
  make();
}

void CurrentlyServed::set_foreign(std::vector<views::ForeignVersion> foreign) {
  const MutexLock lock(making_);
  if (foreign == foreign_) return;
  foreign_ = std::move(foreign);
  make();
}

void CurrentlyServed::make() {
  auto served = std::make_shared<const Served>(custom_, foreign_, address_);
  {
    const MutexLock lock(mutex_);
    served_.swap(served);
  }
  if (on_change_) on_change_();
}

void CurrentlyServed::set_on_change(std::function<void()> on_change) {
  const MutexLock lock(making_);
  on_change_ = std::move(on_change);
}

}  // namespace gantry::kube
