// SPDX-License-Identifier: Apache-2.0
#include "kube/views/openapi_operations.h"

#include <fmt/format.h>

#include "base/split.h"
#include "kube/views/openapi_schema.h"

namespace gantry::kube::views {
namespace {

constexpr Parameter kDryRun = {"dryRun", "string", "\"All\": nothing is stored."};
constexpr Parameter kFieldManager = {"fieldManager", "string", "Who is writing, for the managed fields."};
constexpr Parameter kFieldValidation = {
    "fieldValidation", "string",
    "What is done about unknown and repeated fields: \"Ignore\", \"Warn\" or \"Strict\"."};
constexpr Parameter kForce = {"force", "boolean", "Takes over fields that others manage. Of apply patches."};

constexpr Parameter kListing[] = {
    {"allowWatchBookmarks", "boolean", "Of watches: events of type BOOKMARK may tell the resource version."},
    {"continue", "string", "Where the list before this one ended."},
    {"fieldSelector", "string", "Only objects whose fields match."},
    {"labelSelector", "string", "Only objects whose labels match."},
    {"limit", "integer", "At most that many objects; the list tells how to go on."},
    {"resourceVersion", "string", "How new what is read has to be."},
    {"resourceVersionMatch", "string", "How resourceVersion is meant: \"Exact\" or \"NotOlderThan\"."},
    {"sendInitialEvents", "boolean", "Of watches: begin with the objects that are there."},
    {"timeoutSeconds", "integer", "When the answer ends."},
    {"watch", "boolean", "Changes, as they happen, in place of a list."},
};

constexpr Parameter kDeleting[] = {
    kDryRun,
    {"gracePeriodSeconds", "integer", "How long the object may take to end."},
    {"propagationPolicy", "string",
     "What happens to what it owns: \"Orphan\", \"Background\" or \"Foreground\"."},
};

// "Apps", "RbacAuthorization", "StableExampleCom": a group as part of a name.
std::string group_in_names(std::string_view group) {
  if (group.empty()) return "Core";
  if (group.ends_with(".k8s.io")) group.remove_suffix(std::string_view(".k8s.io").size());
  std::string name;
  for (const std::string_view label : split(group, '.')) {
    if (label.empty()) continue;
    name += label;
    char& first = name[name.size() - label.size()];
    if (first >= 'a' && first <= 'z') first = static_cast<char>(first - 'a' + 'A');
  }
  return name;
}

std::string capitalized(std::string_view text) {
  std::string result(text);
  if (!result.empty() && result[0] >= 'a' && result[0] <= 'z')
    result[0] = static_cast<char>(result[0] - 'a' + 'A');
  return result;
}

std::string in_camel_case(const GroupVersionKind& kind) {
  return group_in_names(kind.group) + capitalized(kind.version);
}

template <std::size_t N>
void append(std::vector<Parameter>& to, const Parameter (&from)[N]) {
  to.insert(to.end(), std::begin(from), std::end(from));
}

class ResourcePaths {
 public:
  explicit ResourcePaths(const Resource& resource)
      : resource_(resource),
        root_(fmt::format("{}/{}", resource.kind.group.empty() ? "/api" : "/apis",
                          resource.kind.api_version())),
        definition_(Definitions::name_of(resource.type)) {}

  std::vector<ApiPath> make() {
    add_collection();
    add_object();
    for (const Subresource& subresource : resource_.subresources) add_subresource(subresource);
    if (resource_.is_namespaced && has(resource_.verbs, Verb::List)) add_list_of_all();
    std::erase_if(paths_, [](const ApiPath& path) { return path.operations.empty(); });
    return std::move(paths_);
  }

 private:
  // Of one namespace, or of a cluster's resource: with what follows the plural.
  ApiPath& begin(std::string_view tail, bool has_name) {
    ApiPath path{.path =
                     fmt::format("{}{}/{}{}", root_, resource_.is_namespaced ? "/namespaces/{namespace}" : "",
                                 resource_.plural, tail)};
    if (has_name) path.parameters.emplace_back("name");
    if (resource_.is_namespaced) path.parameters.emplace_back("namespace");
    return paths_.emplace_back(std::move(path));
  }

  // "readCoreV1NamespacedPodStatus".
  std::string id(std::string_view verb, std::string_view tail = {}, std::string_view infix = {}) const {
    return fmt::format("{}{}{}{}{}{}", verb, in_camel_case(resource_.kind), infix,
                       resource_.is_namespaced ? "Namespaced" : "", resource_.kind.kind, tail);
  }

  ApiOperation operation(const char* method, const char* action, std::string name,
                         std::string_view what) const {
    return {.method = method,
            .action = action,
            .id = std::move(name),
            .description = fmt::format("{} {}", what, resource_.kind.kind),
            .kind = resource_.kind,
            .answer_definition = definition_};
  }

  ApiOperation listing(std::string name) const {
    ApiOperation list = operation("get", "list", std::move(name), "list or watch objects of kind");
    append(list.parameters, kListing);
    list.answer_definition = Definitions::name_of_list(resource_);
    return list;
  }

  static void make_writing(ApiOperation& write, Body body, std::string definition) {
    write.parameters = {kDryRun, kFieldManager, kFieldValidation};
    if (body == Body::Patch) write.parameters.push_back(kForce);
    write.body = body;
    write.body_definition = std::move(definition);
  }

  void add_collection() {
    ApiPath& path = begin("", false);
    if (has(resource_.verbs, Verb::List)) path.operations.push_back(listing(id("list")));
    if (has(resource_.verbs, Verb::Create)) {
      ApiOperation& create =
          path.operations.emplace_back(operation("post", "post", id("create"), "create a"));
      make_writing(create, Body::Object, definition_);
    }
    if (has(resource_.verbs, Verb::DeleteCollection)) {
      ApiOperation& remove = path.operations.emplace_back(
          operation("delete", "deletecollection", id("delete", {}, "Collection"), "delete collection of"));
      append(remove.parameters, kListing);
      append(remove.parameters, kDeleting);
      remove.body = Body::DeleteOptions;
      remove.answer_definition = kStatusDefinition;
    }
  }

  void add_object() {
    ApiPath& path = begin("/{name}", true);
    add_reading_and_writing(path, resource_.verbs, {}, resource_.kind, definition_);
    if (!has(resource_.verbs, Verb::Delete)) return;
    ApiOperation& remove =
        path.operations.emplace_back(operation("delete", "delete", id("delete"), "delete a"));
    append(remove.parameters, kDeleting);
    remove.body = Body::DeleteOptions;
    remove.answer_definition = kStatusDefinition;
  }

  void add_reading_and_writing(ApiPath& path, VerbSet verbs, std::string_view tail,
                               const GroupVersionKind& kind, const std::string& definition) {
    const auto add = [&](const char* method, const char* verb, const char* what) -> ApiOperation& {
      ApiOperation& added = path.operations.emplace_back(operation(method, method, id(verb, tail), what));
      added.kind = kind;
      added.answer_definition = definition;
      return added;
    };
    if (has(verbs, Verb::Get)) add("get", "read", "read the specified");
    if (has(verbs, Verb::Update))
      make_writing(add("put", "replace", "replace the specified"), Body::Object, definition);
    if (has(verbs, Verb::Patch)) {
      ApiOperation& patch = add("patch", "patch", "partially update the specified");
      make_writing(patch, Body::Patch, {});
      // Not of CustomResourceDefinitions, which do not tell how.
      patch.takes_strategic_merge = resource_.type != nullptr && resource_.type->constraints == nullptr;
    }
  }

  void add_subresource(const Subresource& subresource) {
    ApiPath& path = begin(fmt::format("/{{name}}/{}", subresource.name), true);
    const std::string tail = capitalized(subresource.name);
    const std::string definition = Definitions::name_of(subresource.type);
    const bool is_connection = subresource.kind.kind.ends_with("Options");
    if (is_connection) return add_connection(path, subresource, tail);
    // Logs are text, whatever they belong to.
    add_reading_and_writing(path, subresource.verbs, tail, subresource.kind,
                            subresource.name == "log" ? std::string() : definition);
    if (!has(subresource.verbs, Verb::Create)) return;
    ApiOperation& create = path.operations.emplace_back(
        operation("post", "post", id("create", tail), "create on the specified"));
    create.kind = subresource.kind;
    create.answer_definition = definition;
    make_writing(create, Body::Object, definition);
  }

  // exec, attach, portforward, proxy: what comes back is no object.
  void add_connection(ApiPath& path, const Subresource& subresource, std::string_view tail) {
    constexpr std::pair<Verb, const char*> kMethods[] = {{Verb::Get, "get"},
                                                         {Verb::Create, "post"},
                                                         {Verb::Update, "put"},
                                                         {Verb::Patch, "patch"},
                                                         {Verb::Delete, "delete"}};
    for (const auto& [verb, method] : kMethods) {
      if (!has(subresource.verbs, verb)) continue;
      ApiOperation& connect = path.operations.emplace_back(operation(
          method, "connect", id("connect", tail, capitalized(method)), "connect requests to the specified"));
      connect.kind = subresource.kind;
      connect.answer_definition.clear();
    }
  }

  void add_list_of_all() {
    ApiPath path{.path = fmt::format("{}/{}", root_, resource_.plural)};
    path.operations.push_back(
        listing(fmt::format("list{}{}ForAllNamespaces", in_camel_case(resource_.kind), resource_.kind.kind)));
    paths_.push_back(std::move(path));
  }

  const Resource& resource_;
  const std::string root_;
  const std::string definition_;
  std::vector<ApiPath> paths_;
};

}  // namespace

std::string tag_of(const GroupVersionKind& kind) {
  std::string group = group_in_names(kind.group);
  group[0] = static_cast<char>(group[0] - 'A' + 'a');
  return fmt::format("{}_{}", group, kind.version);
}

std::vector<ApiPath> paths_of(const Resource& resource) { return ResourcePaths(resource).make(); }

}  // namespace gantry::kube::views
