// SPDX-License-Identifier: Apache-2.0
//
// The subresource scale: how many there should be of what an object makes, whatever its kind
// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/scale-v1/).
#include <fmt/format.h>

#include "base/split.h"
#include "kube/api/selector.h"
#include "kube/patch/json_patch.h"
#include "kube/patch/merge_patch.h"
#include "kube/patch/strategic_patch.h"
#include "kube/server/apply_object.h"
#include "kube/server/change_object.h"
#include "kube/server/object_meta.h"
#include "kube/server/stored_object.h"
#include "kube/storage/object_text.h"

namespace gantry::kube {

namespace {

// Of what an object should have: a custom one's definition says where that is.
std::string_view wanted_path(const Resource& resource) {
  const std::string& path = resource.scale.spec_replicas;
  return path.empty() ? std::string_view(".spec.replicas") : path;
}

// Where an object keeps what its scale shows: of a custom one its definition says so, of others it is known.
class ScaledObject {
 public:
  ScaledObject(const Resource& resource, const json::Tree& object)
      : paths_(resource.scale),
        wanted_path_(wanted_path(resource)),
        is_built_in_(paths_.spec_replicas.empty()),
        object_(object) {}

  std::int64_t wanted() const { return number(find(wanted_path_)); }
  std::int64_t present() const {
    return number(find(is_built_in_ ? std::string_view(".status.replicas") : paths_.status_replicas));
  }
  Answer<std::string> selector() const {
    if (is_built_in_) return selector_text(object_.find("spec", "selector"));
    const json::Tree* text = paths_.label_selector.empty() ? nullptr : find(paths_.label_selector);
    return std::string(text == nullptr ? std::string_view() : text->as_string());
  }

 private:
  static std::int64_t number(const json::Tree* value) {
    return value == nullptr ? 0 : value->as_int64().value_or(0);
  }
  const json::Tree* find(std::string_view path) const {
    const json::Tree* found = &object_;
    for (const std::string_view name : split_words(path, '.')) {
      found = found->find(name);
      if (found == nullptr) break;
    }
    return found;
  }
  // A replication controller's selector is a map of labels, the others' is a LabelSelector.
  static Answer<std::string> selector_text(const json::Tree* selector) {
    if (selector == nullptr) return std::string();
    const bool is_selector =
        selector->find("matchLabels") != nullptr || selector->find("matchExpressions") != nullptr;
    if (!is_selector) return LabelSelector::from_labels(*selector).text();
    return TRY(LabelSelector::from_tree(*selector)).text();
  }

  const ScalePaths& paths_;
  const std::string_view wanted_path_;
  const bool is_built_in_;
  const json::Tree& object_;
};

}  // namespace

static std::int64_t replicas_of(const json::Tree& scale) {
  const json::Tree* number = scale.find("spec", "replicas");
  return number == nullptr ? 0 : number->as_int64().value_or(0);
}

// The way to the number is made where it is not there yet.
static void set_replicas(const Resource& resource, json::Tree& object, std::int64_t replicas) {
  json::Tree* place = &object;
  for (const std::string_view name : split_words(wanted_path(resource), '.')) place = &place->object()[name];
  *place = replicas;
}

static Answer<json::Tree> scale_of(const Resource& resource, const Subresource& scale,
                                   const json::Tree& object) {
  const ScaledObject scaled(resource, object);
  json::TreeObject metadata, spec, status, made;
  for (const char* key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
    if (const json::Tree* value = object.find("metadata", key)) metadata[key] = *value;
  if (const std::int64_t replicas = scaled.wanted(); replicas != 0) spec["replicas"] = replicas;
  status["replicas"] = scaled.present();
  if (std::string selector = TRY(scaled.selector()); !selector.empty())
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
    case PatchKind::Merge: return apply_merge_patch(std::move(live), patch);
    case PatchKind::Apply: break;
  }
  return internal_error("an apply is no patch of this kind");
}

static Answer<void> check_replicas(const Subresource& scale, std::string_view name, std::int64_t replicas) {
  if (replicas >= 0) return {};
  return invalid(scale.kind.group, scale.kind.kind, name,
                 {{.reason = "FieldValueInvalid",
                   .message = fmt::format("Invalid value: {}: must be greater than or equal to 0", replicas),
                   .field = "spec.replicas"}});
}

// Who scales means the object that he has seen.
static void keep_identity(const json::Tree& sent, json::Tree& object) {
  for (const char* field : {"resourceVersion", "uid"})
    if (const std::string_view value = metadata_text(sent, field); !value.empty())
      set_metadata(object, field, value);
}

// What the object becomes by what was sent as its scale.
static Answer<std::optional<Proposal>> rescaled(const Resource& resource, const Subresource& scale,
                                                const json::Tree& live, const json::Tree& sent) {
  const std::int64_t replicas = replicas_of(sent);
  TRY(check_replicas(scale, metadata_text(live, "name"), replicas));
  Proposal proposal{.object = live};
  set_replicas(resource, proposal.object, replicas);
  keep_identity(sent, proposal.object);
  return std::optional(std::move(proposal));
}

static Answer<ApiAnswer> shown_scale(const Resource& resource, const Subresource& scale, ApiAnswer answer) {
  const auto object =
      json::Tree::parse(std::string(std::get<SharedBytes>(answer.content).view()), kStoredLimits);
  if (!object) return internal_error(object.error().message());
  answer.content = shown(TRY(scale_of(resource, scale, *object)));
  return answer;
}

// What is applied to a scale is applied to the object that it is of: one number, which is then the manager's.
static Answer<ApiAnswer> apply_to_scale(const VerbParts& parts, const ApiRequest& whole,
                                        const Subresource& scale, const json::Tree& body) {
  const Resource& resource = whole.resource;
  TRY(check_has_manager(whole));
  Warnings told;
  json::Tree sent = TRY(read_applied(whole, *scale.type, scale.kind, body, told));
  TRY(match_names(whole, sent));
  TRY(check_replicas(scale, whole.name, replicas_of(sent)));
  json::Tree applied{json::TreeObject()};
  applied.object()["apiVersion"] = resource.kind.api_version();
  applied.object()["kind"] = resource.kind.kind;
  if (sent.find("spec", "replicas") != nullptr) set_replicas(resource, applied, replicas_of(sent));
  TRY(match_names(whole, applied));
  keep_identity(sent, applied);
  return apply_to_live(parts, whole, applied, told);
}

Answer<ApiAnswer> run_scale(const VerbParts& parts, const ApiRequest& request) {
  const Resource& resource = request.resource;
  const Subresource& scale = *resource.find_subresource(request.subresource);
  ApiRequest whole = request;  // what is written is the object itself
  whole.subresource.clear();
  whole.write.on_behalf_of = request.subresource;
  if (request.verb == Verb::Get) return shown_scale(resource, scale, TRY(get_object(parts, whole)));
  Warnings told;
  const bool is_patch = request.verb == Verb::Patch;
  if (is_patch && request.patch == PatchKind::Apply)
    return shown_scale(resource, scale, TRY(apply_to_scale(parts, whole, scale, TRY(read_any(request)))));
  const json::Tree body =
      is_patch ? TRY(read_any(request)) : TRY(read_body(request, *scale.type, scale.kind, told));
  auto answer = change_object(
      parts, whole, [&](const json::Tree& live, Warnings& warnings) -> Answer<std::optional<Proposal>> {
        warnings = told;
        if (!is_patch) return rescaled(resource, scale, live, body);
        json::Tree sent = TRY(patched(request, scale, TRY(scale_of(resource, scale, live)), body));
        sent = TRY(read_tree(request, *scale.type, scale.kind, std::move(sent), warnings));
        return rescaled(resource, scale, live, sent);
      });
  return shown_scale(resource, scale, TRY(std::move(answer)));
}

}  // namespace gantry::kube
