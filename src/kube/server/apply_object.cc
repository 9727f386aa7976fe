// SPDX-License-Identifier: Apache-2.0
#include "kube/server/apply_object.h"

#include <optional>
#include <utility>

#include "kube/schema/decode.h"
#include "kube/server/change_object.h"

namespace gantry::kube {

OnConflict on_conflict(const ApiRequest& request) {
  return request.write.is_forced ? OnConflict::Force : OnConflict::Refuse;
}

Answer<ApiAnswer> apply_to_live(const VerbParts& parts, const ApiRequest& request, const json::Tree& applied,
                                const Warnings& told) {
  const Resource& resource = request.resource;
  return change_object(parts, request,
                       [&](const json::Tree& live, Warnings& warnings) -> Answer<std::optional<Proposal>> {
                         warnings = told;
                         auto object = TRY(apply(*resource.type, &live, applied, manager_of(request),
                                                 on_conflict(request), resource.versions.get()));
                         if (!object) return std::optional<Proposal>();
                         TRY(apply_defaults(*resource.type, *object));
                         return std::optional(Proposal{*std::move(object), Tracking::IsDone});
                       });
}

}  // namespace gantry::kube
