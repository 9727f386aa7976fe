// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kube/patch/json_patch.h"
#include "kube/patch/merge_patch.h"
#include "kube/patch/strategic_patch.h"
#include "kube/schema/decode.h"
#include "kube/server/apply_object.h"
#include "kube/server/change_object.h"
#include "kube/server/namespaces.h"
#include "kube/server/object_meta.h"
#include "kube/server/stored_object.h"

namespace gantry::kube {

// Kinds of which an update makes what is not there.
static bool creates_by_update(const Resource& resource) {
  static constexpr std::string_view kKinds[] = {"endpoints",    "events",         "limitranges",
                                                "podtemplates", "resourcequotas", "services"};
  return resource.kind.group == "rbac.authorization.k8s.io" ||
         resource.stored_as == "coordination.k8s.io/leases" ||
         std::ranges::find(kKinds, resource.stored_as) != std::end(kKinds);
}

static Answer<void> check_may_create(const VerbParts& parts, const ApiRequest& request) {
  if (request.may_create) TRY(request.may_create());
  return check_takes_new_objects(parts, request);
}

// It was not there, and what the client sends says nothing of one that was.
static bool is_to_be_made(const Answer<ApiAnswer>& changed, const ApiRequest& request) {
  return !changed && changed.error()->code == 404 && request.subresource.empty();
}

Answer<ApiAnswer> update_object(const VerbParts& parts, const ApiRequest& request) {
  const Resource& resource = request.resource;
  Warnings told;
  const json::Tree body = TRY(read_body(request, *resource.type, resource.kind, told));
  auto changed = change_object(parts, request,
                               [&](const json::Tree&, Warnings& warnings) -> Answer<std::optional<Proposal>> {
                                 warnings = told;
                                 return std::optional(Proposal{.object = body});
                               });
  const bool is_of_one_that_was =
      !metadata_text(body, "uid").empty() || !metadata_text(body, "resourceVersion").empty();
  if (!is_to_be_made(changed, request) || !creates_by_update(resource) || is_of_one_that_was) return changed;
  TRY(check_may_create(parts, request));
  json::Tree created = body;
  TRY(match_names(request, created));
  return create_from(parts, request, std::move(created), Tracking::IsToDo, std::move(told));
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
  TRY(check_has_manager(request));
  Warnings told;
  json::Tree applied = TRY(read_applied(request, *resource.type, resource.kind, body, told));
  TRY(match_names(request, applied));
  auto changed = apply_to_live(parts, request, applied, told);
  if (!is_to_be_made(changed, request)) return changed;
  TRY(check_may_create(parts, request));
  auto object = TRY(apply(*resource.type, nullptr, applied, manager_of(request), on_conflict(request)));
  json::Tree created = object ? *std::move(object) : applied;
  TRY(apply_defaults(*resource.type, created));
  return create_from(parts, request, std::move(created), Tracking::IsDone, std::move(told));
}

Answer<ApiAnswer> patch_object(const VerbParts& parts, const ApiRequest& request) {
  const Resource& resource = request.resource;
  const json::Tree patch = TRY(read_any(request));
  if (request.patch == PatchKind::Apply) return apply_to_object(parts, request, patch);
  if (request.patch == PatchKind::Strategic && !is_built_in(resource))
    return unsupported_media_type(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
  return change_object(
      parts, request, [&](const json::Tree& live, Warnings& warnings) -> Answer<std::optional<Proposal>> {
        json::Tree object = TRY(patched(request, live, patch));
        object = TRY(read_tree(request, *resource.type, resource.kind, std::move(object), warnings));
        return std::optional(Proposal{.object = std::move(object)});
      });
}

}  // namespace gantry::kube
