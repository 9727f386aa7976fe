// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/request_view.h"

#include "kube/schema/convert.h"

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

const json::Tree& RequestView::object() const { return in_version(request_.object, object_); }
const json::Tree& RequestView::old_object() const { return in_version(request_.old_object, old_object_); }

const json::Tree& RequestView::in_version(const json::Tree* object,
                                          std::optional<json::Tree>& converted) const {
  if (object == nullptr) return kNone;
  if (&as_ == &request_.resource || !request_.subresource.empty()) return *object;
  if (!converted) {
    converted = *object;
    to_stored(request_.resource, *converted);
    from_stored(as_, *converted);
  }
  return *converted;
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
