// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/default_class.h"

#include <algorithm>

namespace gantry::kube::admission {
namespace {

bool is_default(const json::Tree& object, std::initializer_list<const char*> annotations) {
  return std::ranges::any_of(annotations, [&](const char* annotation) {
    return object.text_at("metadata", "annotations", annotation) == "true";
  });
}

// RFC 3339 in UTC sorts as text.
std::string_view created(const json::Tree& object) { return object.text_at("metadata", "creationTimestamp"); }

}  // namespace

FollowedObjects::Object default_of(const FollowedObjects& classes,
                                   std::initializer_list<const char*> annotations) {
  FollowedObjects::Object newest;
  for (FollowedObjects::Object& object : classes.all_in(""))
    if (is_default(*object, annotations) && (newest == nullptr || created(*object) > created(*newest)))
      newest = std::move(object);
  return newest;
}

}  // namespace gantry::kube::admission
