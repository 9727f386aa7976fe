// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kube/server/read_parameters.h"
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
  const Resource& resource = request.resource;
  Collection& collection = collection_of(parts, resource);
  const ListResult found = TRY(parts.storage.list(collection, TRY(list_request(collection, request))));
  ApiList list{.api_version = resource.kind.api_version(),
               .kind = resource.list_kind,
               .revision = found.revision,
               .continue_token = found.continue_token,
               .remaining = found.remaining};
  list.items.reserve(found.items.size());
  for (const ObjectRef& item : found.items) list.items.push_back(item->json());
  list.items = TRY(shown(resource, std::move(list.items)));
  return ApiAnswer{.content = std::move(list)};
}

static Answer<void> show_events(const Resource& resource, std::span<WatchEvent> events) {
  const auto is_object = [](const WatchEvent& event) {
    return event.type != WatchEvent::Type::Bookmark && event.type != WatchEvent::Type::Error;
  };
  std::vector<SharedBytes> objects;
  for (const WatchEvent& event : events)
    if (is_object(event)) objects.push_back(event.object);
  objects = TRY(shown(resource, std::move(objects)));
  auto next = objects.begin();
  for (WatchEvent& event : events)
    if (is_object(event)) event.object = std::move(*next++);
  return {};
}

Answer<std::unique_ptr<WatchStream>> watch_objects(const VerbParts& parts, const ApiRequest& request) {
  const Resource& resource = request.resource;
  Collection& collection = collection_of(parts, resource);
  WatchOptions options{.selection = TRY(selection_of(collection, request)),
                       .has_bookmarks = request.read.allows_bookmarks,
                       .time = watch_time(request.read),
                       .api_version = resource.kind.api_version(),
                       .kind = resource.kind.kind};
  if (!is_shown_as_stored(resource))
    options.show = [copy = std::make_shared<const Resource>(resource)](std::span<WatchEvent> events) {
      return show_events(*copy, events);
    };
  return parts.storage.watch(collection, TRY(watch_version(request.read)), request.read.sends_initial_events,
                             std::move(options));
}

}  // namespace gantry::kube
