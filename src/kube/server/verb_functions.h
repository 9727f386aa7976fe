// SPDX-License-Identifier: Apache-2.0
//
// The verbs, a function each (verbs.h is what others see), and what they have in common.
#pragma once

#include <memory>
#include <string>

#include "kube/api/status.h"
#include "kube/server/api_request.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

Answer<ApiAnswer> get_object(const VerbParts& parts, const ApiRequest& request);
Answer<ApiAnswer> list_objects(const VerbParts& parts, const ApiRequest& request);
Answer<std::unique_ptr<WatchStream>> watch_objects(const VerbParts& parts, const ApiRequest& request);
Answer<ApiAnswer> create_object(const VerbParts& parts, const ApiRequest& request);
// Of the object, or of a subresource that is the same kind (status ...).
Answer<ApiAnswer> update_object(const VerbParts& parts, const ApiRequest& request);
Answer<ApiAnswer> patch_object(const VerbParts& parts, const ApiRequest& request);
Answer<ApiAnswer> delete_object(const VerbParts& parts, const ApiRequest& request);
Answer<ApiAnswer> delete_collection(const VerbParts& parts, const ApiRequest& request);

// Subresources of kinds of their own.
Answer<ApiAnswer> run_scale(const VerbParts& parts, const ApiRequest& request);
Answer<ApiAnswer> create_binding(const VerbParts& parts, const ApiRequest& request);
Answer<ApiAnswer> create_eviction(const VerbParts& parts, const ApiRequest& request);

inline Collection& collection_of(const VerbParts& parts, const Resource& resource) {
  return parts.storage.cache().collection(resource.stored_as);
}
// Of a namespace the request's namespace is the object itself.
inline std::string path_of(const ApiRequest& request) {
  return object_path(request.resource.is_namespaced ? request.name_space : std::string(), request.name);
}

// Not of a CustomResourceDefinition.
bool is_built_in(const Resource& resource);

// An object of the kind Status that says that all is well.
SharedBytes success(const ResourceId& resource, std::string_view name, std::string_view uid);

}  // namespace gantry::kube
