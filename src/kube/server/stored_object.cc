// SPDX-License-Identifier: Apache-2.0
#include "kube/server/stored_object.h"

#include <fmt/format.h>

#include "kube/schema/versions.h"
#include "kube/storage/object_text.h"

namespace gantry::kube {
namespace {

// Of the text of an object, where it stands first (kube/storage/object_text.h).
std::string_view api_version_of(std::string_view text) {
  constexpr std::string_view kFirst = R"({"apiVersion":")";
  if (!text.starts_with(kFirst)) return {};
  return text.substr(kFirst.size(), text.find('"', kFirst.size()) - kFirst.size());
}

bool is_in_version(const Resource& resource, const SharedBytes& json) {
  return is_shown_as_stored(resource) || is_api_version(resource.kind, api_version_of(json.view()));
}

Answer<json::Tree> parsed(const Resource& resource, const SharedBytes& json) {
  auto tree = json::Tree::parse(std::string(json.view()), kStoredLimits);
  if (!tree)
    return internal_error(
        fmt::format("an object of {} is damaged: {}", resource.id().text(), tree.error().message()));
  return *std::move(tree);
}

}  // namespace

Answer<json::Tree> tree_of(const Resource& resource, const SharedBytes& json) {
  json::Tree tree = TRY(parsed(resource, json));
  if (is_in_version(resource, json)) return tree;
  return convert(*resource.versions, std::move(tree), resource.kind.api_version());
}

Answer<SharedBytes> shown(const Resource& resource, const SharedBytes& json) {
  if (is_in_version(resource, json)) return json;
  return shown(TRY(tree_of(resource, json)));
}

Answer<SharedBytes> shown(const Resource& resource, const Object& object) {
  return shown(resource, object.json());
}

SharedBytes shown(const json::Tree& object) { return SharedBytes(object.to_text()); }

Answer<std::vector<SharedBytes>> shown(const Resource& resource, std::vector<SharedBytes> objects) {
  if (is_shown_as_stored(resource)) return objects;
  std::vector<std::size_t> others;
  std::vector<json::Tree> trees;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (is_in_version(resource, objects[i])) continue;
    others.push_back(i);
    trees.push_back(TRY(parsed(resource, objects[i])));
  }
  if (others.empty()) return objects;
  trees = TRY(resource.versions->convert(std::move(trees), resource.kind.api_version()));
  for (std::size_t i = 0; i < others.size(); ++i) objects[others[i]] = shown(trees[i]);
  return objects;
}

Answer<std::string> text_to_store(const Resource& resource, json::Tree object) {
  if (resource.kind == resource.stored_kind) return stored_text(object);
  return stored_text(TRY(convert(*resource.versions, std::move(object), resource.stored_kind.api_version())));
}

}  // namespace gantry::kube
