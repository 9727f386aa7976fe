// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/request_view.h"

#include "kube/schema/versions.h"

namespace gantry::kube::admission {
namespace {

json::Tree tree_of(const GroupVersionKind& kind) {
  json::TreeObject object;
  object["group"] = kind.group;
  object["version"] = kind.version;
  object["kind"] = kind.kind;
  return object;
}

json::Tree tree_of(const Resource& resource) {
  json::TreeObject object;
  object["group"] = resource.kind.group;
  object["version"] = resource.kind.version;
  object["resource"] = resource.plural;
  return object;
}

json::TreeArray list_of(const std::vector<std::string>& texts) {
  json::TreeArray list;
  for (const std::string& text : texts) list.emplace_back(text);
  return list;
}

json::Tree tree_of(const User& user) {
  json::TreeObject object;
  object["username"] = user.name;
  if (!user.uid.empty()) object["uid"] = user.uid;
  if (!user.groups.empty()) object["groups"] = list_of(user.groups);
  if (!user.extra.empty()) {
    json::TreeObject extra;
    for (const auto& [key, values] : user.extra) extra[key] = list_of(values);
    object["extra"] = std::move(extra);
  }
  return object;
}

const json::Tree kNone;

}  // namespace

Answer<RequestView> RequestView::make(const AdmissionRequest& request, const Resource& as) {
  RequestView view(request, as);
  if (&as == &request.resource || !request.subresource.empty()) return view;
  const std::string version = as.kind.api_version();
  if (request.object != nullptr) view.object_ = TRY(convert(*as.versions, *request.object, version));
  if (request.old_object != nullptr)
    view.old_object_ = TRY(convert(*as.versions, *request.old_object, version));
  return view;
}

const json::Tree& RequestView::object() const {
  if (object_) return *object_;
  return request_.object == nullptr ? kNone : *request_.object;
}

const json::Tree& RequestView::old_object() const {
  if (old_object_) return *old_object_;
  return request_.old_object == nullptr ? kNone : *request_.old_object;
}

const json::Tree& RequestView::fields() const {
  if (fields_) return *fields_;
  json::TreeObject fields;
  const bool is_other = &as_ != &request_.resource && request_.subresource.empty();
  fields["kind"] = tree_of(is_other ? as_.kind : request_.kind);
  fields["resource"] = tree_of(as_);
  fields["requestKind"] = tree_of(request_.kind);
  fields["requestResource"] = tree_of(request_.resource);
  if (!request_.subresource.empty()) {
    fields["subResource"] = request_.subresource;
    fields["requestSubResource"] = request_.subresource;
  }
  if (!request_.name.empty()) fields["name"] = request_.name;
  if (!request_.name_space.empty()) fields["namespace"] = request_.name_space;
  fields["operation"] = name_of(request_.operation);
  fields["userInfo"] = tree_of(request_.user);
  fields["dryRun"] = request_.is_dry_run;
  fields["options"] = request_.options == nullptr ? json::Tree() : *request_.options;
  fields_ = json::Tree(std::move(fields));
  return *fields_;
}

}  // namespace gantry::kube::admission
