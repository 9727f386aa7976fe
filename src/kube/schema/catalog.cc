// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/catalog.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "kube/schema/schema_files.h"
#include "kube/schema/schema_reader.h"
#include "kube/schema/versions.h"

namespace gantry::kube {

// Resources that show the same objects know of each other.
static void join_versions(std::vector<Resource>& resources) {
  std::map<std::string_view, std::vector<const Resource*>> by_objects;
  for (const Resource& resource : resources)
    if (resource.is_kept) by_objects[resource.stored_as].push_back(&resource);
  std::map<std::string_view, std::shared_ptr<const Versions>> versions;
  for (auto& [stored_as, same] : by_objects)
    if (same.size() > 1) versions[stored_as] = std::make_shared<const BuiltInVersions>(std::move(same));
  for (Resource& resource : resources)
    if (const auto found = versions.find(resource.stored_as); found != versions.end())
      resource.versions = found->second;
}

struct Catalog::State {
  SchemaSet set;
};

Catalog::Catalog(std::unique_ptr<const State> state) : state_(std::move(state)) {}

const Catalog& Catalog::built_in() {
  // Never destroyed: objects that are static somewhere else may still use it at the end.
  static const Catalog* const kCatalog = [] {
    Result<SchemaSet> set = read_schemas(kSchemaFiles);
    if (!set) {
      std::fprintf(stderr, "schema files: %s\n", set.error().message().c_str());
      std::abort();
    }
    join_versions(set->resources);
    return new Catalog(std::make_unique<const State>(std::move(*set)));
  }();
  return *kCatalog;
}

std::span<const Resource> Catalog::resources() const { return state_->set.resources; }

const Resource* Catalog::find(std::string_view group, std::string_view version,
                              std::string_view plural) const {
  const auto at = std::ranges::find_if(resources(), [&](const Resource& resource) {
    return resource.plural == plural && resource.kind.group == group && resource.kind.version == version;
  });
  return at == resources().end() ? nullptr : &*at;
}

const Resource* Catalog::find_kind(std::string_view group, std::string_view version,
                                   std::string_view kind) const {
  const auto at = std::ranges::find_if(resources(), [&](const Resource& resource) {
    return resource.kind.kind == kind && resource.kind.group == group && resource.kind.version == version;
  });
  return at == resources().end() ? nullptr : &*at;
}

const Type* Catalog::find_type(std::string_view name) const {
  const auto at = state_->set.names.find(name);
  return at == state_->set.names.end() ? nullptr : at->second;
}

}  // namespace gantry::kube
