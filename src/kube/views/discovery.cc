// SPDX-License-Identifier: Apache-2.0
#include "kube/views/discovery.h"

#include <algorithm>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/json.h"

namespace gantry::kube::views {
namespace {

struct Version {
  std::string name;
  std::vector<const Resource*> resources;
  const ForeignVersion* foreign = nullptr;  // null: of this server
};

struct Group {
  std::string name;  // empty: core
  std::vector<Version> versions;

  std::string group_version(const Version& version) const {
    return name.empty() ? version.name : fmt::format("{}/{}", name, version.name);
  }
};

template <class Named>
Named& found_or_added(std::vector<Named>& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &Named::name);
  if (found != all.end()) return *found;
  return all.emplace_back(Named{.name = std::string(name)});
}

std::vector<Group> groups_of(std::span<const Resource* const> resources,
                             std::span<const ForeignVersion> foreign) {
  std::vector<Group> groups;
  for (const Resource* resource : resources)
    found_or_added(found_or_added(groups, resource->kind.group).versions, resource->kind.version)
        .resources.push_back(resource);
  for (const ForeignVersion& version : foreign)
    found_or_added(found_or_added(groups, version.group).versions, version.version).foreign = &version;
  for (Group& group : groups)
    for (Version& version : group.versions) std::ranges::sort(version.resources, {}, &Resource::plural);
  return groups;
}

void write_words(json::Writer& writer, std::string_view key, const std::vector<std::string>& words) {
  if (words.empty()) return;
  writer.key(key).begin_array();
  for (const std::string& word : words) writer.value(word);
  writer.end_array();
}

// In the order of the alphabet, as clients show them.
void write_verbs(json::Writer& writer, VerbSet verbs) {
  constexpr std::pair<Verb, const char*> kNames[] = {
      {Verb::Create, "create"}, {Verb::Delete, "delete"}, {Verb::DeleteCollection, "deletecollection"},
      {Verb::Get, "get"},       {Verb::List, "list"},     {Verb::Patch, "patch"},
      {Verb::Update, "update"}, {Verb::Watch, "watch"}};
  writer.key("verbs").begin_array();
  for (const auto& [verb, name] : kNames)
    if (has(verbs, verb)) writer.value(name);
  writer.end_array();
}

// Tells clients whether what they store is converted on its way, and that only.
std::string storage_version_hash(const GroupVersionKind& stored) {
  constexpr std::size_t kBytes = 8;
  const std::string digest = sha256(fmt::format("{}/{}/{}", stored.group, stored.version, stored.kind));
  return to_base64(std::string_view(digest).substr(0, kBytes));
}

// ---- one document each

// Where its kind lives, if that is not where the resource does.
void write_other_group(json::Writer& writer, const GroupVersionKind& own, const GroupVersionKind& kind) {
  if (kind.group == own.group && kind.version == own.version) return;
  writer.key("group").value(kind.group).key("version").value(kind.version);
}

void write_resource(json::Writer& writer, const Resource& resource) {
  writer.begin_object().key("name").value(resource.plural).key("singularName").value(resource.singular);
  writer.key("namespaced").value(resource.is_namespaced).key("kind").value(resource.kind.kind);
  write_verbs(writer, resource.verbs);
  write_words(writer, "shortNames", resource.short_names);
  write_words(writer, "categories", resource.categories);
  if (resource.is_kept) writer.key("storageVersionHash").value(storage_version_hash(resource.stored_kind));
  writer.end_object();
}

void write_subresource(json::Writer& writer, const Resource& resource, const Subresource& subresource) {
  writer.begin_object().key("name").value(fmt::format("{}/{}", resource.plural, subresource.name));
  writer.key("singularName").value("").key("namespaced").value(resource.is_namespaced);
  write_other_group(writer, resource.kind, subresource.kind);
  writer.key("kind").value(subresource.kind.kind);
  write_verbs(writer, subresource.verbs);
  writer.end_object();
}

std::string resource_list(const Group& group, const Version& version) {
  json::Writer writer;
  writer.begin_object().key("kind").value("APIResourceList").key("apiVersion").value("v1");
  writer.key("groupVersion").value(group.group_version(version)).key("resources").begin_array();
  for (const Resource* resource : version.resources) {
    write_resource(writer, *resource);
    for (const Subresource& subresource : resource->subresources)
      write_subresource(writer, *resource, subresource);
  }
  writer.end_array().end_object();
  return std::move(writer).text();
}

void write_group_version(json::Writer& writer, const Group& group, const Version& version) {
  writer.begin_object().key("groupVersion").value(group.group_version(version));
  writer.key("version").value(version.name).end_object();
}

// What APIGroup says behind its kind.
void write_group(json::Writer& writer, const Group& group) {
  writer.key("name").value(group.name).key("versions").begin_array();
  for (const Version& version : group.versions) write_group_version(writer, group, version);
  writer.end_array().key("preferredVersion");
  write_group_version(writer, group, group.versions.front());
}

std::string group_document(const Group& group) {
  json::Writer writer;
  writer.begin_object().key("kind").value("APIGroup").key("apiVersion").value("v1");
  write_group(writer, group);
  writer.end_object();
  return std::move(writer).text();
}

std::string group_list(const std::vector<Group>& groups) {
  json::Writer writer;
  writer.begin_object().key("kind").value("APIGroupList").key("apiVersion").value("v1");
  writer.key("groups").begin_array();
  for (const Group& group : groups) {
    if (group.name.empty()) continue;
    writer.begin_object();
    write_group(writer, group);
    writer.end_object();
  }
  writer.end_array().end_object();
  return std::move(writer).text();
}

std::string core_versions(const std::vector<Group>& groups, std::string_view address) {
  json::Writer writer;
  writer.begin_object().key("kind").value("APIVersions").key("versions").begin_array();
  for (const Group& group : groups)
    for (const Version& version : group.versions)
      if (group.name.empty()) writer.value(version.name);
  writer.end_array().key("serverAddressByClientCIDRs").begin_array();
  writer.begin_object().key("clientCIDR").value("0.0.0.0/0").key("serverAddress").value(address).end_object();
  writer.end_array().end_object();
  return std::move(writer).text();
}

// ---- all in one

void write_response_kind(json::Writer& writer, const GroupVersionKind& kind) {
  writer.key("responseKind").begin_object().key("group").value(kind.group);
  writer.key("version").value(kind.version).key("kind").value(kind.kind).end_object();
}

void write_aggregated_resource(json::Writer& writer, const Resource& resource) {
  writer.begin_object().key("resource").value(resource.plural);
  write_response_kind(writer, resource.kind);
  writer.key("scope").value(resource.is_namespaced ? "Namespaced" : "Cluster");
  writer.key("singularResource").value(resource.singular);
  write_verbs(writer, resource.verbs);
  write_words(writer, "shortNames", resource.short_names);
  write_words(writer, "categories", resource.categories);
  if (!resource.subresources.empty()) {
    writer.key("subresources").begin_array();
    for (const Subresource& subresource : resource.subresources) {
      writer.begin_object().key("subresource").value(subresource.name);
      write_response_kind(writer, subresource.kind);
      write_verbs(writer, subresource.verbs);
      writer.end_object();
    }
    writer.end_array();
  }
  writer.end_object();
}

void write_aggregated_version(json::Writer& writer, const Version& version) {
  const bool is_silent = version.foreign != nullptr && version.foreign->resources.empty();
  writer.begin_object().key("version").value(version.name);
  if (version.foreign == nullptr) {
    writer.key("resources").begin_array();
    for (const Resource* resource : version.resources) write_aggregated_resource(writer, *resource);
    writer.end_array();
  } else if (!is_silent) {
    writer.key("resources").raw(version.foreign->resources);
  }
  writer.key("freshness").value(is_silent ? "Stale" : "Current").end_object();
}

std::string aggregated_list(const std::vector<Group>& groups, bool of_core) {
  json::Writer writer;
  writer.begin_object().key("kind").value("APIGroupDiscoveryList");
  writer.key("apiVersion")
      .value("apidiscovery.k8s.io/v2")
      .key("metadata")
      .raw("{}")
      .key("items")
      .begin_array();
  for (const Group& group : groups) {
    if (group.name.empty() != of_core) continue;
    writer.begin_object().key("metadata").begin_object();
    if (!of_core) writer.key("name").value(group.name);
    writer.key("creationTimestamp").null().end_object().key("versions").begin_array();
    for (const Version& version : group.versions) write_aggregated_version(writer, version);
    writer.end_array().end_object();
  }
  writer.end_array().end_object();
  return std::move(writer).text();
}

}  // namespace

Discovery::Discovery(std::span<const Resource* const> resources, std::span<const ForeignVersion> foreign,
                     std::string_view address) {
  const std::vector<Group> groups = groups_of(resources, foreign);
  pages_["/api"] = Page::of(core_versions(groups, address));
  pages_["/apis"] = Page::of(group_list(groups));
  for (const Group& group : groups) {
    const std::string root = group.name.empty() ? "/api" : "/apis";
    if (!group.name.empty()) pages_[fmt::format("/apis/{}", group.name)] = Page::of(group_document(group));
    for (const Version& version : group.versions)
      if (version.foreign == nullptr)
        pages_[fmt::format("{}/{}", root, group.group_version(version))] =
            Page::of(resource_list(group, version));
  }
  aggregated_["/api"] = Page::of(aggregated_list(groups, true));
  aggregated_["/apis"] = Page::of(aggregated_list(groups, false));
}

const Page* Discovery::find(std::string_view path) const {
  const auto found = pages_.find(path);
  return found == pages_.end() ? nullptr : &found->second;
}

const Page* Discovery::find_aggregated(std::string_view path) const {
  const auto found = aggregated_.find(path);
  return found == aggregated_.end() ? nullptr : &found->second;
}

}  // namespace gantry::kube::views
