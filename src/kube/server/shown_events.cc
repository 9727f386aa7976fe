// SPDX-License-Identifier: Apache-2.0
#include "kube/server/shown_events.h"

#include <utility>

#include "kube/server/object_meta.h"
#include "kube/server/stored_object.h"

namespace gantry::kube {
namespace {

using Type = WatchEvent::Type;

bool is_of_object(const WatchEvent& event) {
  return event.type != Type::Bookmark && event.type != Type::Error;
}

// All objects of all events, converted together.
Answer<void> convert(const Resource& resource, std::vector<WatchEvent>& events, bool with_those_before) {
  std::vector<SharedBytes*> places;
  for (WatchEvent& event : events) {
    if (is_of_object(event)) places.push_back(&event.object);
    if (with_those_before && !event.before.empty()) places.push_back(&event.before);
  }
  std::vector<SharedBytes> objects;
  for (const SharedBytes* place : places) objects.push_back(*place);
  objects = TRY(shown(resource, std::move(objects)));
  for (std::size_t i = 0; i < places.size(); ++i) *places[i] = std::move(objects[i]);
  return {};
}

// What an update is to those who see only what is selected. False: nothing.
Answer<bool> select(const Resource& resource, const ShownSelection& selection, WatchEvent& event) {
  if (!is_of_object(event)) return true;
  const json::Tree now = TRY(tree_of(resource, event.object));
  const bool is = selection.matches(now);
  if (event.type != Type::Modified) return is;
  json::Tree before = TRY(tree_of(resource, event.before));
  const bool was = selection.matches(before);
  if (is) event.type = was ? Type::Modified : Type::Added;
  if (is || !was) return is;
  // Its state before, at the revision of the change.
  before.object()["metadata"].object()["resourceVersion"] = metadata_text(now, "resourceVersion");
  event = {.type = Type::Deleted, .object = shown(before)};
  return true;
}

}  // namespace

Answer<void> show_events(const Resource& resource, const std::optional<ShownSelection>& selection,
                         std::vector<WatchEvent>& events) {
  TRY(convert(resource, events, selection.has_value()));
  if (!selection) return {};
  std::vector<WatchEvent> selected;
  for (WatchEvent& event : events)
    if (TRY(select(resource, *selection, event))) selected.push_back(std::move(event));
  events = std::move(selected);
  return {};
}

}  // namespace gantry::kube
