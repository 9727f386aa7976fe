// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/custom_resources.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "kube/control_plane/conditions.h"
#include "kube/control_plane/custom_plugin.h"
#include "kube/control_plane/self.h"
#include "kube/control_plane/stored_kinds.h"
#include "kube/schema/catalog.h"
#include "kube/server/object_meta.h"

namespace gantry::kube {
namespace {

const Resource& definition_resource() {
  return *Catalog::built_in().find("apiextensions.k8s.io", "v1", "customresourcedefinitions");
}

bool is_leaving(const json::Tree& object) { return object.find("metadata", "deletionTimestamp") != nullptr; }

// ---- Names: of a group's definitions, each may be taken once

std::vector<std::string> names_of(const json::Tree& definition) {
  std::vector<std::string> names;
  const auto add = [&](std::string_view kind_of_name, std::string_view name) {
    if (!name.empty())
      names.push_back(fmt::format("{}/{}/{}", definition.text_at("spec", "group"), kind_of_name, name));
  };
  for (const char* key : {"plural", "singular"}) add("resource", definition.text_at("spec", "names", key));
  for (const char* key : {"kind", "listKind"}) add("kind", definition.text_at("spec", "names", key));
  if (const json::Tree* shorts = definition.find("spec", "names", "shortNames"))
    for (const json::Tree& name : shorts->array()) add("resource", name.as_string());
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// Who came first has them.
std::vector<const json::Tree*> with_their_names(const std::vector<json::Tree>& definitions) {
  std::vector<const json::Tree*> in_order;
  for (const json::Tree& definition : definitions) in_order.push_back(&definition);
  std::ranges::stable_sort(in_order, [](const json::Tree* a, const json::Tree* b) {
    return a->text_at("metadata", "creationTimestamp") < b->text_at("metadata", "creationTimestamp");
  });
  std::set<std::string> taken;
  std::erase_if(in_order, [&](const json::Tree* definition) {
    const std::vector<std::string> names = names_of(*definition);
    if (std::ranges::any_of(names, [&](const std::string& name) { return taken.contains(name); }))
      return true;
    taken.insert(names.begin(), names.end());
    return false;
  });
  return in_order;
}

// ---- Status

json::Tree status_of(const json::Tree& definition, bool has_its_names) {
  const json::Tree* present = definition.find("status");
  json::Tree status = present == nullptr ? json::Tree() : *present;
  const std::string now = now_text();
  if (has_its_names) {
    set_condition(status, {"NamesAccepted", true, "NoConflicts", "no conflicts found"}, now);
    set_condition(status,
                  {"Established", true, "InitialNamesAccepted", "the initial names have been accepted"}, now);
    if (const json::Tree* names = definition.find("spec", "names")) status.object()["acceptedNames"] = *names;
  } else {
    set_condition(status,
                  {"NamesAccepted", false, "NameConflict", "one of its names is another definition's"}, now);
    set_condition(status, {"Established", false, "NotAccepted", "not all names are accepted"}, now);
  }
  return status;
}

// Nothing will tell that it is back.
bool was_store_away(const Answer<void>& written) { return !written && written.error()->code >= 500; }

}  // namespace

CustomResources::CustomResources(const Parts& parts)
    : parts_(parts), kinds_(parts.services), served_(parts.address) {}

std::unique_ptr<admission::Plugin> CustomResources::plugin() { return custom_plugin(kinds_, parts_.objects); }

void CustomResources::start(const Verbs& verbs) {
  verbs_ = &verbs;
  (void)bring_up_to_date();
  reconciler_ = std::make_unique<Reconciler>(parts_.objects, std::vector<std::string>{kDefinitions},
                                             [this] { return bring_up_to_date(); });
}

// Whether it has to look again although nobody tells it to.
bool CustomResources::bring_up_to_date() {
  const std::vector<json::Tree> definitions = parts_.objects.list(kDefinitions, "");
  const std::vector<const json::Tree*> accepted = with_their_names(definitions);
  serve(kinds_.replace(accepted));
  bool has_to_look_again = false;
  for (const json::Tree& definition : definitions)
    if (settle(definition, std::ranges::find(accepted, &definition) != accepted.end()))
      has_to_look_again = true;
  return has_to_look_again;
}

// Discovery and OpenAPI are made anew only when there is something new in them.
void CustomResources::serve(CustomKinds::Kinds kinds) {
  if (kinds == served_kinds_) return;
  std::vector<std::shared_ptr<const Resource>> resources;
  for (const std::shared_ptr<const CustomKind>& kind : kinds) {
    parts_.cache.declare(stored_kind_of(kind->version.resource));
    resources.emplace_back(kind, &kind->version.resource);
  }
  served_.set_custom(std::move(resources));
  served_kinds_ = std::move(kinds);
}

bool CustomResources::settle(const json::Tree& definition, bool has_its_names) {
  if (is_leaving(definition)) return remove_objects(definition);
  json::Tree wanted = definition;
  wanted.object()["status"] = status_of(definition, has_its_names);
  if (wanted == definition) return false;
  const Answer<void> written = write(wanted, "status");
  if (was_store_away(written)) return true;
  // Somebody has changed it meanwhile: there will be news.
  if (!written && written.error()->code != 409 && written.error()->code != 404)
    parts_.log.warn(
        "a definition's status cannot be written",
        {{"definition", definition.text_at("metadata", "name")}, {"error", written.error()->message}});
  return false;
}

bool CustomResources::remove_objects(const json::Tree& definition) {
  const std::string name(definition.text_at("metadata", "name"));
  if (const auto kind = kinds_.find_stored(name); kind != nullptr) {
    const Resource& resource = kind->version.resource;
    const std::vector<json::Tree> objects = parts_.objects.list(resource.stored_as, "");
    for (const json::Tree& object : objects) {
      if (is_leaving(object)) continue;
      ApiRequest request{.user = self(),
                         .verb = Verb::Delete,
                         .resource = resource,
                         .name_space = std::string(object.text_at("metadata", "namespace")),
                         .name = std::string(object.text_at("metadata", "name"))};
      (void)verbs_->run(request);  // what cannot go now is tried again
    }
    if (!objects.empty()) return true;
  }
  json::Tree released = definition;
  json::TreeArray& finalizers = released.object()["metadata"].object()["finalizers"].array();
  if (std::erase_if(finalizers, [](const json::Tree& finalizer) {
        return finalizer.as_string() == kCustomFinalizer;
      }) == 0)
    return false;
  return was_store_away(write(released, ""));  // refused: there will be news
}

Answer<void> CustomResources::write(const json::Tree& definition, std::string_view subresource) const {
  ApiRequest request{.user = self(),
                     .verb = Verb::Update,
                     .resource = definition_resource(),
                     .subresource = std::string(subresource),
                     .name = std::string(definition.text_at("metadata", "name")),
                     .body = definition,
                     .user_agent = "gantry"};
  TRY(verbs_->run(request));
  return {};
}

}  // namespace gantry::kube
