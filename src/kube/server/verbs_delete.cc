// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "kube/server/deletion.h"
#include "kube/server/list_objects.h"
#include "kube/server/namespaces.h"
#include "kube/server/object_meta.h"
#include "kube/server/object_writer.h"
#include "kube/server/stored_object.h"
#include "kube/server/verb_functions.h"
#include "kube/server/write_steps.h"

namespace gantry::kube {

SharedBytes success(const ResourceId& resource, std::string_view name, std::string_view uid) {
  json::Writer writer;
  writer.begin_object().key("kind").value("Status").key("apiVersion").value("v1");
  writer.key("metadata").begin_object().end_object().key("status").value("Success");
  writer.key("details").begin_object();
  if (!name.empty()) writer.key("name").value(name);
  if (!resource.group.empty()) writer.key("group").value(resource.group);
  if (!resource.plural.empty()) writer.key("kind").value(resource.plural);
  if (!uid.empty()) writer.key("uid").value(uid);
  writer.end_object().end_object();
  return SharedBytes(std::move(writer).text());
}

// Clients of these kinds have always been given what they deleted; those of others a Status.
static bool answers_object(const Resource& resource) {
  static constexpr std::string_view kKinds[] = {"persistentvolumes", "persistentvolumeclaims", "pods",
                                                "podtemplates",      "resourcequotas",         "services",
                                                "serviceaccounts"};
  return std::ranges::find(kKinds, resource.stored_as) != std::end(kKinds);
}

static Answer<void> check_preconditions(const ApiRequest& request, const DeleteOptions& options,
                                        const json::Tree& live) {
  TRY(check_uid(request, live, options.uid));
  const std::string_view revision = metadata_text(live, "resourceVersion");
  if (options.resource_version.empty() || options.resource_version == revision) return {};
  return conflict(request.resource.id(), request.name,
                  fmt::format("Precondition failed: ResourceVersion in precondition: {}, ResourceVersion in "
                              "object meta: {}",
                              options.resource_version, revision));
}

namespace {

class Deleting {
 public:
  Deleting(const VerbParts& parts, const ApiRequest& request, const DeleteOptions& options)
      : parts_(parts),
        request_(request),
        resource_(request.resource),
        options_(options),
        writer_(parts, request) {}

  Answer<ApiAnswer> run() {
    ObjectRef live = TRY(parts_.storage.get(writer_.collection(), writer_.path()));
    for (const Patience patience; patience.is_left();) {
      if (!live) return not_found(resource_.id(), request_.name);
      const json::Tree before = TRY(tree_of(resource_, live->json()));
      TRY(check_preconditions(request_, options_, before));
      TRY(admit(before));
      Deletion deletion = begin_deletion(resource_, before, options_, now_seconds());
      const auto done = TRY(deletion.goes_now ? remove(*live, before) : write(*live, std::move(deletion)));
      if (done)
        return ApiAnswer{
            .code = done->code, .content = std::move(done->content), .warnings = std::move(warnings_)};
      live = writer_.newer();
    }
    return conflict(resource_.id(), request_.name, "the object has been modified");
  }

 private:
  struct Done {
    int code = 200;
    SharedBytes content;
  };

  Answer<void> admit(const json::Tree& before) {
    admission::AdmissionRequest admitted{.user = request_.user,
                                         .operation = admission::Operation::Delete,
                                         .resource = resource_,
                                         .kind = resource_.kind,
                                         .name_space = request_.name_space,
                                         .name = request_.name,
                                         .old_object = &before,
                                         .is_dry_run = request_.is_dry_run};
    TRY(parts_.admission.mutate(admitted));
    TRY(parts_.admission.validate(admitted));
    warnings_ = std::move(admitted.warnings);
    return {};
  }

  // Nothing: somebody was faster, and the writer has what is there now.
  Answer<std::optional<Done>> remove(const Object& live, const json::Tree& before) {
    if (!TRY(writer_.remove(live, before))) return std::optional<Done>();
    if (answers_object(resource_)) return std::optional(Done{.content = TRY(shown(resource_, live))});
    return std::optional(
        Done{.content = success(resource_.id(), request_.name, metadata_text(before, "uid"))});
  }

  Answer<std::optional<Done>> write(const Object& live, Deletion deletion) {
    auto content = deletion.is_pending ? std::optional(TRY(shown(resource_, live)))
                                       : TRY(writer_.put(live, std::move(deletion.object)));
    if (!content) return std::optional<Done>();
    // It was asked for its dependents' end, and that is not there yet.
    return std::optional(Done{options_.orphans == false ? 202 : 200, *std::move(content)});
  }

  const VerbParts& parts_;
  const ApiRequest& request_;
  const Resource& resource_;
  const DeleteOptions& options_;
  ObjectWriter writer_;
  Warnings warnings_;
};

}  // namespace

static Answer<DeleteOptions> options_of(const ApiRequest& request) {
  DeleteOptions options = request.deletion;
  TRY(options.read(TRY(read_any(request))));
  TRY(check(options));
  return options;
}

Answer<ApiAnswer> delete_object(const VerbParts& parts, const ApiRequest& request) {
  const DeleteOptions options = TRY(options_of(request));
  TRY(check_may_go(request));
  return Deleting(parts, request, options).run();
}

// One by one: what was deleted before a failure stays deleted.
Answer<ApiAnswer> delete_collection(const VerbParts& parts, const ApiRequest& request) {
  const DeleteOptions options = TRY(options_of(request));
  SelectedObjects selected = TRY(selected_objects(parts, request));
  for (const ObjectRef& item : selected.stored) {
    ApiRequest one = request;
    one.verb = Verb::Delete;
    one.name = item->name();
    one.name_space = item->name_space();
    TRY(check_may_go(one));
    auto deleted = Deleting(parts, one, options).run();
    if (!deleted && deleted.error()->code != 404) return std::move(deleted).error();
  }
  return ApiAnswer{.content = std::move(selected.list)};
}

}  // namespace gantry::kube
