// SPDX-License-Identifier: Apache-2.0
#include "kube/server/change_object.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/server/namespaces.h"
#include "kube/server/object_meta.h"
#include "kube/server/object_writer.h"
#include "kube/server/service_addresses.h"
#include "kube/server/stored_object.h"

namespace gantry::kube {

static Status has_changed(const ApiRequest& request) {
  return conflict(
      request.resource.id(), request.name,
      "the object has been modified; please apply your changes to the latest version and try again");
}

// Of most kinds somebody may replace whatever is there.
static bool needs_revision(const Resource& resource) {
  static constexpr std::string_view kGroups[] = {"admissionregistration.k8s.io", "apiextensions.k8s.io",
                                                 "apiregistration.k8s.io",       "coordination.k8s.io",
                                                 "flowcontrol.apiserver.k8s.io", "node.k8s.io"};
  return std::ranges::find(kGroups, resource.kind.group) != std::end(kGroups) || !is_built_in(resource);
}

static Answer<void> check_revision(const ApiRequest& request, const json::Tree& live,
                                   const json::Tree& object) {
  const std::string_view revision = metadata_text(object, "resourceVersion");
  if (revision == metadata_text(live, "resourceVersion")) return {};
  if (!revision.empty() && revision != "0") return has_changed(request);
  if (!needs_revision(request.resource)) return {};
  return invalid(request.resource.kind.group, request.resource.plural, request.name,
                 {{.reason = "FieldValueInvalid",
                   .message = "Invalid value: 0: must be specified for an update",
                   .field = "metadata.resourceVersion"}});
}

// What clients may send otherwise without being told so; the rules see to the rest.
static void keep_times(const json::Tree& live, json::Tree& object) {
  json::TreeObject& metadata = metadata_of(object);
  for (const char* key : {"creationTimestamp", "deletionTimestamp", "resourceVersion"}) {
    if (const json::Tree* before = live.find("metadata", key))
      metadata[key] = *before;
    else
      metadata.erase(key);
  }
  metadata.erase("selfLink");
}

// Nothing holds it any more.
static bool may_go_now(const Resource& resource, const json::Tree& object) {
  if (!is_being_deleted(object) || has_finalizers(object)) return false;
  if (is_namespace(resource)) return !has_content_finalizers(object);
  return deletion_grace(object) == 0;
}

namespace {

// One object that is changed by one request.
class Changing {
 public:
  Changing(const VerbParts& parts, const ApiRequest& request, const Propose& propose)
      : parts_(parts),
        request_(request),
        resource_(request.resource),
        propose_(propose),
        writer_(parts, request) {}

  Answer<ApiAnswer> run() {
    ObjectRef live = TRY(parts_.storage.get(writer_.collection(), writer_.path(), {.revision = 0}));
    if (!live) live = TRY(parts_.storage.get(writer_.collection(), writer_.path()));
    bool is_current = !parts_.storage.cache().is_shared();
    for (const Patience patience; patience.is_left();) {
      if (!live) return not_found(resource_.id(), request_.name);
      warnings_.clear();
      auto answer = attempt(live);
      if (answer && *answer)
        return ApiAnswer{.content = *std::move(*answer), .warnings = std::move(warnings_)};
      if (answer) {
        live = writer_.newer();
        is_current = true;
        continue;
      }
      // What was refused may have been so for what another server has changed since.
      if (is_current) return std::move(answer).error();
      ObjectRef stored = TRY(parts_.storage.get_from_store(writer_.collection(), writer_.path()));
      if (stored && stored->revision() == live->revision()) return std::move(answer).error();
      live = std::move(stored);
      is_current = true;
    }
    return has_changed(request_);
  }

 private:
  // Nothing: somebody was faster, and the writer has what is there now.
  Answer<std::optional<SharedBytes>> attempt(const ObjectRef& live) {
    const json::Tree before = TRY(tree_of(resource_, live->json()));
    std::optional<Proposal> proposal = TRY(propose_(before, warnings_));
    if (!proposal) return std::optional(TRY(shown(resource_, *live)));
    json::Tree& object = proposal->object;
    TRY(match_names(request_, object));
    TRY(check_uid(request_, before, metadata_text(object, "uid")));
    TRY(check_revision(request_, before, object));
    keep_times(before, object);
    // Before the rules, which want to see the addresses that a service keeps.
    AlsoWritten also = also_of(resource_);
    ServiceAddresses::keep(resource_, before, object);
    if (proposal->checks == Checks::All)
      TRY(Writing(parts_, request_, &before, warnings_).finish(object, proposal->tracking));
    TRY(parts_.addresses.take(resource_, &before, object, also));
    if (may_go_now(resource_, object)) return remove(*live, before, object);
    return writer_.put(*live, std::move(object), also);
  }

  Answer<std::optional<SharedBytes>> remove(const Object& live, const json::Tree& before,
                                            const json::Tree& object) {
    if (!TRY(writer_.remove(live, before))) return std::optional<SharedBytes>();
    return std::optional(shown(object));
  }

  const VerbParts& parts_;
  const ApiRequest& request_;
  const Resource& resource_;
  const Propose& propose_;
  ObjectWriter writer_;
  Warnings warnings_;
};

}  // namespace

Answer<ApiAnswer> change_object(const VerbParts& parts, const ApiRequest& request, const Propose& propose) {
  return Changing(parts, request, propose).run();
}

}  // namespace gantry::kube
