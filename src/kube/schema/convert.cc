// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/convert.h"

#include <algorithm>
#include <string>
#include <utility>

#include "kube/schema/convert_autoscaler.h"

namespace gantry::kube {
namespace {

using json::Tree;
using json::TreeObject;

struct Renamed {
  std::string_view stored;
  std::string_view shown;
};

// Events of events.k8s.io/v1, stored as those of v1.
constexpr Renamed kEventFields[] = {
    {"count", "deprecatedCount"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"involvedObject", "regarding"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"message", "note"},
    {"reportingComponent", "reportingController"},
    {"source", "deprecatedSource"},
};

void rename(TreeObject& object, std::string_view from, std::string_view to) {
  Tree* const value = object.find(from);
  if (value == nullptr) return;
  Tree moved = std::move(*value);
  object.erase(from);
  object[to] = std::move(moved);
}

void event_to_stored(TreeObject& event) {
  for (const auto& [stored, shown] : kEventFields) rename(event, shown, stored);
}

void event_from_stored(TreeObject& event) {
  for (const auto& [stored, shown] : kEventFields) rename(event, stored, shown);
}

struct Conversion {
  std::string_view group;
  std::string_view version;
  std::string_view kind;
  void (*to_stored)(TreeObject&);
  void (*from_stored)(TreeObject&);
};
constexpr Conversion kConversions[] = {
    {"autoscaling", "v1", "HorizontalPodAutoscaler", autoscaler_to_v2, autoscaler_from_v2},
    {"events.k8s.io", "v1", "Event", event_to_stored, event_from_stored},
};

const Conversion* conversion_of(const GroupVersionKind& kind) {
  const auto at = std::ranges::find_if(kConversions, [&](const Conversion& conversion) {
    return conversion.kind == kind.kind && conversion.version == kind.version &&
           conversion.group == kind.group;
  });
  return at == std::end(kConversions) ? nullptr : &*at;
}

void call_it(TreeObject& object, const GroupVersionKind& kind) {
  object["apiVersion"] = kind.api_version();
  object["kind"] = kind.kind;
}

}  // namespace

void to_stored(const Resource& resource, Tree& object) {
  if (resource.kind == resource.stored_kind) return;
  if (const Conversion* const conversion = conversion_of(resource.kind))
    conversion->to_stored(object.object());
  call_it(object.object(), resource.stored_kind);
}

void from_stored(const Resource& resource, Tree& object) {
  if (resource.kind == resource.stored_kind) return;
  if (const Conversion* const conversion = conversion_of(resource.kind))
    conversion->from_stored(object.object());
  call_it(object.object(), resource.kind);
}

}  // namespace gantry::kube
