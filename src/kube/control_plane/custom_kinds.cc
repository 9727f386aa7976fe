// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/custom_kinds.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kube/api/tree_lists.h"
#include "kube/control_plane/custom_versions.h"

namespace gantry::kube {
namespace {

const json::Tree& nothing() {
  static const json::Tree kNothing;
  return kNothing;
}

const json::Tree& schema_of(const json::Tree& version) {
  const json::Tree* schema = version.find("schema", "openAPIV3Schema");
  return schema == nullptr ? nothing() : *schema;
}

const json::TreeArray& versions_of(const json::Tree& definition) {
  const json::Tree* versions = definition.find("spec", "versions");
  return versions == nullptr ? nothing().array() : versions->array();
}

const json::Tree& version_of(const json::Tree& definition, std::string_view name) {
  for (const json::Tree& version : versions_of(definition))
    if (version.text_at("name") == name) return version;
  return nothing();
}

// Versions point into each other, so each keeps all.
CustomKinds::Kinds compile(const json::Tree& definition, const ServiceRouter& services) {
  auto all = std::make_shared<std::vector<CustomKind>>();
  for (custom::CustomVersion& version : custom::versions_of(definition)) {
    std::vector<Cause> faults;  // were looked at when the definition was written
    cel::CrdRules rules(schema_of(version_of(definition, version.resource.kind.version)), "", faults);
    all->push_back({std::move(version), std::move(rules)});
  }
  std::vector<const Resource*> resources;
  for (const CustomKind& kind : *all) resources.push_back(&kind.version.resource);
  const auto versions = std::make_shared<const CustomVersions>(definition, std::move(resources), services);
  CustomKinds::Kinds kinds;
  for (CustomKind& kind : *all) {
    kind.version.resource.versions = versions;
    kinds.emplace_back(all, &kind);
  }
  return kinds;
}

// What counts is what the spec says, with which the generation changes, and which versions objects are in.
std::string key_of(const json::Tree& definition) {
  const json::Tree* generation = definition.find("metadata", "generation");
  return fmt::format("{}/{}/{}", definition.text_at("metadata", "uid"),
                     generation == nullptr ? 0 : generation->as_int64().value_or(0),
                     fmt::join(words_of(definition.find("status", "storedVersions")), ","));
}

}  // namespace

CustomKinds::Kinds CustomKinds::replace(const std::vector<const json::Tree*>& definitions) {
  Kinds all;
  const MutexLock lock(mutex_);
  std::map<std::string, Compiled> next;
  for (const json::Tree* pointer : definitions) {
    const json::Tree& definition = *pointer;
    const std::string name(definition.text_at("metadata", "name"));
    std::string key = key_of(definition);
    auto known = compiled_.extract(name);
    Compiled compiled = !known.empty() && known.mapped().key == key
                            ? std::move(known.mapped())
                            : Compiled{.key = std::move(key), .kinds = compile(definition, services_)};
    std::ranges::copy_if(compiled.kinds, std::back_inserter(all),
                         [](const auto& kind) { return kind->version.is_served; });
    next.emplace(name, std::move(compiled));
  }
  compiled_ = std::move(next);
  return all;
}

std::shared_ptr<const CustomKind> CustomKinds::find(const Resource& resource) const {
  const MutexLock lock(mutex_);
  const auto found = compiled_.find(resource.id().text());
  if (found == compiled_.end()) return nullptr;
  for (const auto& kind : found->second.kinds)
    if (kind->version.resource.kind == resource.kind) return kind;
  return nullptr;
}

std::shared_ptr<const CustomKind> CustomKinds::find_stored(std::string_view definition) const {
  const MutexLock lock(mutex_);
  const auto found = compiled_.find(std::string(definition));
  if (found == compiled_.end()) return nullptr;
  for (const auto& kind : found->second.kinds)
    if (kind->version.resource.kind == kind->version.resource.stored_kind) return kind;
  return nullptr;
}

std::vector<Cause> check_definition(const json::Tree& definition) {
  std::vector<Cause> causes = custom::check_versions(definition);
  if (!causes.empty()) return causes;  // rules are about a schema that is right
  const json::TreeArray& versions = versions_of(definition);
  for (std::size_t i = 0; i < versions.size(); ++i)
    (void)cel::CrdRules(schema_of(versions[i]), fmt::format("spec.versions[{}].schema.openAPIV3Schema", i),
                        causes);
  return causes;
}

}  // namespace gantry::kube
