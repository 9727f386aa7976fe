// SPDX-License-Identifier: Apache-2.0
#include "kube/aggregation/foreign_discovery.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/json_tree.h"
#include "http/url.h"
#include "kube/api/tree_lists.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kMostHash = 256;  // bytes

std::string_view or_else(std::string_view text, std::string_view otherwise) {
  return text.empty() ? otherwise : text;
}

// A resource's kind may be of another group than the resource.
json::Tree kind_of(const json::Tree& resource, std::string_view group, std::string_view version) {
  json::TreeObject kind;
  kind["group"] = or_else(resource.text_at("group"), group);
  kind["version"] = or_else(resource.text_at("version"), version);
  kind["kind"] = resource.text_at("kind");
  return kind;
}

void copy_words(const json::Tree& from, json::TreeObject& to, const char* key) {
  for (const std::string& word : words_of(from, key)) to[key].array().emplace_back(word);
}

json::TreeObject described(const json::Tree& resource, std::string_view group, std::string_view version) {
  json::TreeObject made;
  made["responseKind"] = kind_of(resource, group, version);
  made["verbs"] = json::TreeArray();
  copy_words(resource, made, "verbs");
  return made;
}

json::TreeObject resource_of(const json::Tree& resource, std::string_view group, std::string_view version) {
  json::TreeObject made = described(resource, group, version);
  const json::Tree* namespaced = resource.find("namespaced");
  made["resource"] = resource.text_at("name");
  made["scope"] = namespaced != nullptr && namespaced->as_bool() ? "Namespaced" : "Cluster";
  made["singularResource"] = resource.text_at("singularName");
  copy_words(resource, made, "shortNames");
  copy_words(resource, made, "categories");
  return made;
}

}  // namespace

Result<std::string> resources_of(std::string list, std::string_view group, std::string_view version) {
  const json::Tree tree = TRY(json::Tree::parse(std::move(list)));
  if (tree.text_at("kind") != "APIResourceList")
    return error(Code::InvalidArgument, "the answer is no APIResourceList");
  std::map<std::string, json::TreeObject, std::less<>> resources;
  for (const json::Tree& resource : list_of(tree, "resources"))
    if (const std::string_view name = resource.text_at("name"); !name.empty() && !name.contains('/'))
      resources.emplace(name, resource_of(resource, group, version));
  for (const json::Tree& resource : list_of(tree, "resources")) {
    const std::string_view name = resource.text_at("name");
    const std::size_t slash = name.find('/');
    const auto parent = resources.find(name.substr(0, slash));
    if (slash == std::string_view::npos || parent == resources.end()) continue;
    json::TreeObject made = described(resource, group, version);
    made["subresource"] = name.substr(slash + 1);
    parent->second["subresources"].array().emplace_back(std::move(made));
  }
  json::TreeArray all;
  for (auto& resource : resources) all.emplace_back(std::move(resource.second));
  return json::Tree(std::move(all)).to_text();
}

std::string openapi_hash(std::string index, std::string_view group, std::string_view version) {
  const auto tree = json::Tree::parse(std::move(index));
  if (!tree) return {};
  const json::Tree* entry = tree->find("paths", fmt::format("apis/{}/{}", group, version));
  if (entry == nullptr) return {};
  const std::string_view url = entry->text_at("serverRelativeURL");
  const auto query = http::Query::parse(url.substr(std::min(url.find('?'), url.size() - 1) + 1));
  std::string hash(query ? query->get("hash").value_or("") : "");
  // Without one it still changes when its server does.
  return hash.empty() || hash.size() > kMostHash ? "unknown" : hash;
}

}  // namespace gantry::kube
