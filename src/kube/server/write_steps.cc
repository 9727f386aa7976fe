// SPDX-License-Identifier: Apache-2.0
#include "kube/server/write_steps.h"

#include <fmt/format.h>

#include "kube/rules/rules.h"
#include "kube/schema/decode.h"
#include "kube/server/object_meta.h"

namespace gantry::kube {

// ---- Bodies

static Answer<void> check_kind(json::Tree& object, const GroupVersionKind& kind) {
  if (!object.is_object()) return bad_request("the body is no object");
  json::Tree& version = object.object()["apiVersion"];
  if (version.as_string().empty()) version = kind.api_version();
  if (version.as_string() != kind.api_version())
    return bad_request(
        fmt::format("the API version in the data ({}) does not match the expected API version ({})",
                    version.as_string(), kind.api_version()));
  json::Tree& name = object.object()["kind"];
  if (name.as_string().empty()) name = kind.kind;
  if (name.as_string() != kind.kind)
    return bad_request(fmt::format("{} in version \"{}\" cannot be handled as a {}", name.as_string(),
                                   kind.version, kind.kind));
  return {};
}

static Answer<json::Tree> finish_reading(Decoded decoded, const Type& type, const GroupVersionKind& kind,
                                         Warnings& warnings) {
  TRY(check_kind(decoded.object, kind));
  warnings.insert(warnings.end(), decoded.warnings.begin(), decoded.warnings.end());
  TRY(apply_defaults(type, decoded.object));
  return std::move(decoded.object);
}

Answer<json::Tree> read_body(const ApiRequest& request, const Type& type, const GroupVersionKind& kind,
                             Warnings& warnings) {
  if (const auto* tree = std::get_if<json::Tree>(&request.body))
    return read_tree(request, type, kind, *tree, warnings);
  Decoded decoded = TRY(decode(type, std::get<std::string>(request.body), request.write.validation));
  return finish_reading(std::move(decoded), type, kind, warnings);
}

Answer<json::Tree> read_tree(const ApiRequest& request, const Type& type, const GroupVersionKind& kind,
                             json::Tree object, Warnings& warnings) {
  Decoded decoded = TRY(decode_tree(type, std::move(object), request.write.validation));
  return finish_reading(std::move(decoded), type, kind, warnings);
}

// "apps/v1, Kind=Deployment"; of the core group "/v1, Kind=Pod".
static std::string shown_type(const json::Tree& object) {
  const std::string_view version = object.text_at("apiVersion");
  const bool has_group = version.find('/') != std::string_view::npos;
  return fmt::format("{}{}, Kind={}", has_group ? "" : "/", version, object.text_at("kind"));
}

Answer<json::Tree> read_applied(const ApiRequest& request, const Type& type, const GroupVersionKind& kind,
                                const json::Tree& body, Warnings& warnings) {
  const bool is_of_kind =
      body.text_at("apiVersion") == kind.api_version() && body.text_at("kind") == kind.kind;
  if (body.is_object() && !is_of_kind)
    return bad_request(fmt::format("invalid object type: {}", shown_type(body)));
  Decoded decoded = TRY(decode_tree(type, body, request.write.validation));
  warnings.insert(warnings.end(), decoded.warnings.begin(), decoded.warnings.end());
  return std::move(decoded.object);
}

Answer<void> check_has_manager(const ApiRequest& request) {
  if (!request.write.field_manager.empty()) return {};
  return invalid("meta.k8s.io", "PatchOptions", "",
                 {{.reason = "FieldValueRequired",
                   .message = "Required value: is required for apply patch",
                   .field = "fieldManager"}});
}

Answer<json::Tree> read_any(const ApiRequest& request) {
  if (const auto* tree = std::get_if<json::Tree>(&request.body)) return *tree;
  const std::string& text = std::get<std::string>(request.body);
  if (text.empty()) return json::Tree();
  auto tree = json::Tree::parse(text, kObjectLimits);
  if (!tree) return bad_request(tree.error().message());
  return *std::move(tree);
}

Answer<void> match_names(const ApiRequest& request, json::Tree& object) {
  const std::string name(metadata_text(object, "name"));
  if (!request.name.empty() && !name.empty() && name != request.name)
    return bad_request(fmt::format("the name of the object ({}) does not match the name on the URL ({})",
                                   name, request.name));
  if (name.empty() && !request.name.empty()) set_metadata(object, "name", request.name);
  const std::string name_space(metadata_text(object, "namespace"));
  if (!request.resource.is_namespaced) {
    set_metadata(object, "namespace", "");
    return {};
  }
  if (!name_space.empty() && name_space != request.name_space)
    return bad_request(
        "the namespace of the provided object does not match the namespace sent on the request");
  set_metadata(object, "namespace", request.name_space);
  return {};
}

// ---- Who writes

FieldManager manager_of(const ApiRequest& request) {
  std::string name = request.write.field_manager;
  if (name.empty()) name = request.user_agent.substr(0, request.user_agent.find('/'));
  if (name.empty()) name = "unknown";
  return {
      .name = std::move(name),
      .api_version = request.resource.kind.api_version(),
      .subresource = request.write.on_behalf_of.empty() ? request.subresource : request.write.on_behalf_of,
      .time = now_text(),
      .without = rules::unset_fields(request.resource, request.subresource)};
}

// ---- Steps

Answer<void> Writing::validate(const json::Tree& object) const {
  const GroupVersionKind& kind = request_.resource.kind;
  auto causes = rules::validate({request_.resource, request_.subresource, before_}, object);
  if (causes.empty()) return {};
  return invalid(kind.group, kind.kind, metadata_text(object, "name"), std::move(causes));
}

Answer<void> Writing::finish(json::Tree& object, Tracking tracking) {
  const Resource& resource = request_.resource;
  rules::prepare({resource, request_.subresource, before_}, object);
  if (tracking == Tracking::IsToDo)
    TRY(track_update(*resource.type, before_, object, manager_of(request_), resource.versions.get()));
  admission::AdmissionRequest admitted{
      .user = request_.user,
      .operation = before_ == nullptr ? admission::Operation::Create : admission::Operation::Update,
      .resource = resource,
      .subresource = request_.subresource,
      .kind = resource.kind,
      .name_space = request_.name_space,
      .name = std::string(metadata_text(object, "name")),
      .object = &object,
      .old_object = before_,
      .is_dry_run = request_.is_dry_run};
  TRY(parts_.admission.mutate(admitted));
  TRY(apply_defaults(*resource.type, object));
  TRY(validate(object));
  TRY(parts_.admission.validate(admitted));
  warnings_.insert(warnings_.end(), admitted.warnings.begin(), admitted.warnings.end());
  return {};
}

Answer<void> admit_part(const VerbParts& parts, const ApiRequest& request, const GroupVersionKind& kind,
                        json::Tree& part, Warnings& warnings) {
  admission::AdmissionRequest admitted{.user = request.user,
                                       .operation = admission::Operation::Create,
                                       .resource = request.resource,
                                       .subresource = request.subresource,
                                       .kind = kind,
                                       .name_space = request.name_space,
                                       .name = std::string(metadata_text(part, "name")),
                                       .object = &part,
                                       .is_dry_run = request.is_dry_run};
  TRY(parts.admission.mutate(admitted));
  TRY(parts.admission.validate(admitted));
  warnings.insert(warnings.end(), admitted.warnings.begin(), admitted.warnings.end());
  return {};
}

AlsoWritten also_of(const Resource& resource) {
  // As long as a stock cluster keeps them.
  static constexpr std::chrono::hours kEvents{1};
  AlsoWritten also;
  if (resource.stored_as == "events") also.time_to_live = kEvents;
  return also;
}

Answer<void> check_uid(const ApiRequest& request, const json::Tree& object, std::string_view uid) {
  const std::string_view actual = metadata_text(object, "uid");
  if (uid.empty() || uid == actual) return {};
  return conflict(
      request.resource.id(), request.name,
      fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}", uid, actual));
}

}  // namespace gantry::kube
