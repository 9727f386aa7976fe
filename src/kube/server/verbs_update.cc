// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kube/patch/apply.h"
#include "kube/patch/json_patch.h"
#include "kube/patch/merge_patch.h"
#include "kube/patch/strategic_patch.h"
#include "kube/schema/decode.h"
#include "kube/server/change_object.h"
#include "kube/server/namespaces.h"
#include "kube/server/object_meta.h"
#include "kube/server/stored_object.h"

namespace gantry::kube {

Answer<ApiAnswer> update_object(const VerbParts& parts, const ApiRequest& request) {
  const Resource& resource = request.resource;
  Warnings told;
  const json::Tree body = TRY(read_body(request, *resource.type, resource.kind, told));
  return change_object(parts, request,
                       [&](const json::Tree&, Warnings& warnings) -> Answer<std::optional<Proposal>> {
                         warnings = told;
                         return std::optional(Proposal{.object = body});
                       });
}

// ---- Patches

static Answer<json::Tree> patched(const ApiRequest& request, const json::Tree& live,
                                  const json::Tree& patch) {
  switch (request.patch) {
    case PatchKind::Json: return apply_json_patch(live, patch);
    case PatchKind::Merge: return apply_merge_patch(live, patch);
    case PatchKind::Strategic: return apply_strategic_patch(live, patch, *request.resource.type);
    case PatchKind::Apply: break;
  }
  return internal_error("an apply is no patch of this kind");
}

static Answer<ApiAnswer> apply_to_object(const VerbParts& parts, const ApiRequest& request,
                                         const json::Tree& body) {
  const Resource& resource = request.resource;
  if (request.write.field_manager.empty())
    return invalid("meta.k8s.io", "PatchOptions", "",
                   {{.reason = "FieldValueRequired",
                     .message = "Required value: is required for apply patch",
                     .field = "fieldManager"}});
  // Defaults are not what somebody wants to own.
  Decoded decoded = TRY(decode_tree(*resource.type, body, request.write.validation));
  json::Tree& applied = decoded.object;
  TRY(match_names(request, applied));
  const auto on_conflict = request.write.is_forced ? OnConflict::Force : OnConflict::Refuse;
  auto changed = change_object(
      parts, request, [&](const json::Tree& live, Warnings& warnings) -> Answer<std::optional<Proposal>> {
        warnings = decoded.warnings;
        auto object = TRY(apply(*resource.type, &live, applied, manager_of(request), on_conflict));
        if (!object) return std::optional<Proposal>();
        apply_defaults(*resource.type, *object);
        return std::optional(Proposal{*std::move(object), Tracking::IsDone});
      });
  const bool is_missing = !changed && changed.error()->code == 404 && request.subresource.empty();
  if (!is_missing) return changed;
  TRY(check_takes_new_objects(parts, request));
  auto object = TRY(apply(*resource.type, nullptr, applied, manager_of(request), on_conflict));
  json::Tree created = object ? *std::move(object) : applied;
  apply_defaults(*resource.type, created);
  return create_from(parts, request, created, Tracking::IsDone, std::move(decoded.warnings));
}

Answer<ApiAnswer> patch_object(const VerbParts& parts, const ApiRequest& request) {
  const Resource& resource = request.resource;
  const json::Tree patch = TRY(read_any(request));
  if (request.patch == PatchKind::Apply) return apply_to_object(parts, request, patch);
  return change_object(
      parts, request, [&](const json::Tree& live, Warnings& warnings) -> Answer<std::optional<Proposal>> {
        json::Tree object = TRY(patched(request, live, patch));
        object = TRY(read_tree(request, *resource.type, resource.kind, std::move(object), warnings));
        return std::optional(Proposal{.object = std::move(object)});
      });
}

}  // namespace gantry::kube
