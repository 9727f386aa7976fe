// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/changed_object.h"

#include "kube/schema/versions.h"

namespace gantry::kube::admission {

const Type* type_of_object(const AdmissionRequest& request, const Resource& as) {
  if (request.subresource.empty()) return as.type;
  const Subresource* subresource = as.find_subresource(request.subresource);
  return subresource == nullptr ? nullptr : subresource->type;
}

Answer<bool> change_object(AdmissionRequest& request, const Resource& as, json::Tree changed,
                           FieldValidation validation) {
  if (const Type* type = type_of_object(request, as)) {
    auto decoded = decode_tree(*type, std::move(changed), validation);
    if (!decoded) return internal_error(decoded.error()->message);
    changed = std::move(decoded->object);
  }
  if (&as != &request.resource && request.subresource.empty())
    changed = TRY(convert(*as.versions, std::move(changed), request.resource.kind.api_version()));
  if (const Type* type = type_of_object(request, request.resource)) TRY(apply_defaults(*type, changed));
  if (changed == *request.object) return false;
  *request.object = std::move(changed);
  return true;
}

}  // namespace gantry::kube::admission
