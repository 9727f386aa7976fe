// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "kube/server/list_objects.h"
#include "kube/server/read_parameters.h"
#include "kube/server/shown_events.h"
#include "kube/server/shown_selection.h"
#include "kube/server/stored_object.h"
#include "kube/server/verb_functions.h"

namespace gantry::kube {

Answer<ApiAnswer> get_object(const VerbParts& parts, const ApiRequest& request) {
  const Resource& resource = request.resource;
  const ReadVersion version{.revision = TRY(parse_revision(request.read.resource_version))};
  const ObjectRef object = TRY(parts.storage.get(collection_of(parts, resource), path_of(request), version));
  if (!object) return not_found(resource.id(), request.name);
  return ApiAnswer{.content = TRY(shown(resource, *object))};
}

Answer<ApiAnswer> list_objects(const VerbParts& parts, const ApiRequest& request) {
  return ApiAnswer{.content = TRY(selected_objects(parts, request)).list};
}

Answer<std::unique_ptr<WatchStream>> watch_objects(const VerbParts& parts, const ApiRequest& request) {
  const Resource& resource = request.resource;
  Collection& collection = collection_of(parts, resource);
  auto selection = TRY(ShownSelection::of(request));
  WatchOptions options{.has_bookmarks = request.read.allows_bookmarks,
                       .time = watch_time(request.read),
                       .api_version = resource.kind.api_version(),
                       .kind = resource.kind.kind};
  options.selection =
      TRY(selection ? selection_by_names(collection, request) : selection_of(collection, request));
  if (!is_shown_as_stored(resource))
    options.show = [copy = std::make_shared<const Resource>(resource), selection = std::move(selection)](
                       std::vector<WatchEvent>& events) { return show_events(*copy, selection, events); };
  return parts.storage.watch(collection, TRY(watch_version(request.read)), request.read.sends_initial_events,
                             std::move(options));
}

}  // namespace gantry::kube
