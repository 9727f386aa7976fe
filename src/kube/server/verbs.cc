// SPDX-License-Identifier: Apache-2.0
#include "kube/server/verbs.h"

#include <fmt/format.h>

#include "kube/schema/catalog.h"
#include "kube/server/verb_functions.h"

namespace gantry::kube {
namespace {

using VerbFunction = Answer<ApiAnswer> (*)(const VerbParts&, const ApiRequest&);

Status not_allowed(const ApiRequest& request) {
  const std::string resource = request.subresource.empty()
                                   ? request.resource.plural
                                   : fmt::format("{}/{}", request.resource.plural, request.subresource);
  return Status({.code = 405,
                 .reason = "MethodNotAllowed",
                 .message = fmt::format("this verb is not supported on resources of kind \"{}\"", resource),
                 .group = request.resource.kind.group,
                 .kind = resource});
}

VerbFunction function_of(Verb verb) {
  switch (verb) {
    case Verb::Create: return create_object;
    case Verb::Get: return get_object;
    case Verb::List: return list_objects;
    case Verb::Update: return update_object;
    case Verb::Patch: return patch_object;
    case Verb::Delete: return delete_object;
    case Verb::DeleteCollection: return delete_collection;
    case Verb::Watch: break;
  }
  return nullptr;
}

// Of a subresource that is the object, seen from another side.
VerbFunction function_of_part(Verb verb) {
  const bool is_known = verb == Verb::Get || verb == Verb::Update || verb == Verb::Patch;
  return is_known ? function_of(verb) : nullptr;
}

VerbFunction function_of(const ApiRequest& request) {
  const Resource& resource = request.resource;
  const std::string& part = request.subresource;
  const bool is_pod = resource.stored_as == "pods";
  if (part.empty() && resource.stored_as == "bindings")
    return request.verb == Verb::Create ? create_binding : nullptr;
  if (part.empty()) return has(resource.verbs, request.verb) ? function_of(request.verb) : nullptr;
  const Subresource* subresource = resource.find_subresource(part);
  if (subresource == nullptr || !has(subresource->verbs, request.verb)) return nullptr;
  if (part == "scale") return run_scale;
  if (part == "binding" && is_pod) return create_binding;
  if (part == "eviction" && is_pod) return create_eviction;
  for (const char* same : {"status", "ephemeralcontainers", "resize", "approval", "finalize"})
    if (part == same) return function_of_part(request.verb);
  return nullptr;
}

}  // namespace

bool is_built_in(const Resource& resource) {
  return Catalog::built_in().find(resource.kind.group, resource.kind.version, resource.plural) != nullptr;
}

Answer<ApiAnswer> Verbs::run(const ApiRequest& request) const {
  const VerbFunction function = function_of(request);
  if (function == nullptr) return not_allowed(request);
  return function(parts_, request);
}

Answer<std::unique_ptr<WatchStream>> Verbs::watch(const ApiRequest& request) const {
  if (!has(request.resource.verbs, Verb::Watch)) return not_allowed(request);
  return watch_objects(parts_, request);
}

}  // namespace gantry::kube
