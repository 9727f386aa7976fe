// SPDX-License-Identifier: Apache-2.0
//
// The subresource scale: how many there should be of what an object makes, whatever its kind
// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/scale-v1/).
#include <fmt/format.h>

#include "kube/api/selector.h"
#include "kube/patch/json_patch.h"
#include "kube/patch/merge_patch.h"
#include "kube/patch/strategic_patch.h"
#include "kube/server/change_object.h"
#include "kube/server/object_meta.h"
#include "kube/server/stored_object.h"
#include "kube/storage/object_text.h"

namespace gantry::kube {

static std::int64_t number_at(const json::Tree& object, const char* part) {
  const json::Tree* number = object.find(part, "replicas");
  return number == nullptr ? 0 : number->as_int64().value_or(0);
}

// A replication controller's selector is a map of labels, the others' is a LabelSelector.
static Answer<std::string> selector_text(const json::Tree& object) {
  const json::Tree* selector = object.find("spec", "selector");
  if (selector == nullptr) return std::string();
  const bool is_selector =
      selector->find("matchLabels") != nullptr || selector->find("matchExpressions") != nullptr;
  if (!is_selector) return LabelSelector::from_labels(*selector).text();
  return TRY(LabelSelector::from_tree(*selector)).text();
}

static Answer<json::Tree> scale_of(const Subresource& scale, const json::Tree& object) {
  json::TreeObject metadata, spec, status, made;
  for (const char* key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
    if (const json::Tree* value = object.find("metadata", key)) metadata[key] = *value;
  if (const std::int64_t replicas = number_at(object, "spec"); replicas != 0) spec["replicas"] = replicas;
  status["replicas"] = number_at(object, "status");
  if (std::string selector = TRY(selector_text(object)); !selector.empty())
    status["selector"] = std::move(selector);
  made["apiVersion"] = scale.kind.api_version();
  made["kind"] = scale.kind.kind;
  made["metadata"] = std::move(metadata);
  made["spec"] = std::move(spec);
  made["status"] = std::move(status);
  return json::Tree(std::move(made));
}

static Answer<json::Tree> patched(const ApiRequest& request, const Subresource& scale, json::Tree live,
                                  const json::Tree& patch) {
  switch (request.patch) {
    case PatchKind::Json: return apply_json_patch(std::move(live), patch);
    case PatchKind::Strategic: return apply_strategic_patch(std::move(live), patch, *scale.type);
    // What somebody applies to a scale is the one number in it.
    case PatchKind::Apply:
    case PatchKind::Merge: break;
  }
  return apply_merge_patch(std::move(live), patch);
}

// What the object becomes by what was sent as its scale.
static Answer<std::optional<Proposal>> rescaled(const Subresource& scale, const json::Tree& live,
                                                const json::Tree& sent) {
  const std::int64_t replicas = number_at(sent, "spec");
  if (replicas < 0)
    return invalid(
        scale.kind.group, scale.kind.kind, metadata_text(live, "name"),
        {{.reason = "FieldValueInvalid",
          .message = fmt::format("Invalid value: {}: must be greater than or equal to 0", replicas),
          .field = "spec.replicas"}});
  Proposal proposal{.object = live};
  proposal.object.object()["spec"].object()["replicas"] = replicas;
  const std::string_view revision = metadata_text(sent, "resourceVersion");
  if (!revision.empty()) set_metadata(proposal.object, "resourceVersion", revision);
  if (const std::string_view uid = metadata_text(sent, "uid"); !uid.empty())
    set_metadata(proposal.object, "uid", uid);
  return std::optional(std::move(proposal));
}

static Answer<ApiAnswer> shown_scale(const Subresource& scale, ApiAnswer answer) {
  const auto object =
      json::Tree::parse(std::string(std::get<SharedBytes>(answer.content).view()), kStoredLimits);
  if (!object) return internal_error(object.error().message());
  answer.content = shown(TRY(scale_of(scale, *object)));
  return answer;
}

Answer<ApiAnswer> run_scale(const VerbParts& parts, const ApiRequest& request) {
  const Subresource& scale = *request.resource.find_subresource(request.subresource);
  ApiRequest whole = request;  // what is written is the object itself
  whole.subresource.clear();
  if (request.verb == Verb::Get) return shown_scale(scale, TRY(get_object(parts, whole)));
  Warnings told;
  const bool is_patch = request.verb == Verb::Patch;
  const json::Tree body =
      is_patch ? TRY(read_any(request)) : TRY(read_body(request, *scale.type, scale.kind, told));
  auto answer = change_object(
      parts, whole, [&](const json::Tree& live, Warnings& warnings) -> Answer<std::optional<Proposal>> {
        warnings = told;
        if (!is_patch) return rescaled(scale, live, body);
        json::Tree sent = TRY(patched(request, scale, TRY(scale_of(scale, live)), body));
        sent = TRY(read_tree(request, *scale.type, scale.kind, std::move(sent), warnings));
        return rescaled(scale, live, sent);
      });
  return shown_scale(scale, TRY(std::move(answer)));
}

}  // namespace gantry::kube
