// SPDX-License-Identifier: Apache-2.0
#include "kube/server/namespaces.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/server/object_meta.h"
#include "kube/server/verb_functions.h"

namespace gantry::kube {

bool is_namespace(const Resource& resource) { return resource.stored_as == kNamespaces; }

Answer<void> check_takes_new_objects(const VerbParts& parts, const ApiRequest& request) {
  if (!request.resource.is_namespaced) return {};
  const Collection& namespaces = parts.storage.cache().collection(kNamespaces);
  ObjectRef found = namespaces.find(request.name_space);
  // Another server may have made it a moment ago.
  if (!found) found = TRY(parts.storage.get(namespaces, request.name_space));
  if (!found) return not_found({"", kNamespaces}, request.name_space);
  // The marker stands in metadata alone, so most texts need no parsing. Without its first quote, of which a
  // text has so many that each of them would be looked behind.
  if (found->json().view().find("deletionTimestamp\"") == std::string_view::npos) return {};
  const auto tree = json::Tree::parse(std::string(found->json().view()), kStoredLimits);
  if (!tree || !is_being_deleted(*tree)) return {};
  Status status =
      forbidden(request.resource.id(), request.name,
                fmt::format("unable to create new content in namespace {} because it is being terminated",
                            request.name_space));
  status->causes.push_back({.reason = "NamespaceTerminating",
                            .message = fmt::format("namespace {} is being terminated", request.name_space),
                            .field = "metadata.namespace"});
  return status;
}

Answer<void> check_may_go(const ApiRequest& request) {
  if (!is_namespace(request.resource)) return {};
  static constexpr std::string_view kImmortal[] = {"default", "kube-public", "kube-system"};
  if (std::ranges::find(kImmortal, request.name) == std::end(kImmortal)) return {};
  return forbidden(request.resource.id(), request.name, "this namespace may not be deleted");
}

bool has_content_finalizers(const json::Tree& object) {
  const json::Tree* finalizers = object.find("spec", "finalizers");
  return finalizers != nullptr && !finalizers->array().empty();
}

void begin_termination(json::Tree& object) { object.object()["status"].object()["phase"] = "Terminating"; }

}  // namespace gantry::kube
