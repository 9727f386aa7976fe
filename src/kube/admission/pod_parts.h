// SPDX-License-Identifier: Apache-2.0
//
// Walking a pod's containers, whatever their kind, and reading its parts.
#pragma once

#include <string_view>

#include "base/json_tree.h"

namespace gantry::kube::admission {

inline constexpr const char* kContainers = "containers";
inline constexpr const char* kInitContainers = "initContainers";
inline constexpr const char* kEphemeralContainers = "ephemeralContainers";

// Of a pod, or of a template of one: anything with a spec. `visit(const json::Tree& container)`.
template <class Visit>
void for_each_of(const json::Tree& pod, std::string_view kind, Visit&& visit) {
  const json::Tree* list = pod.find("spec", kind);
  if (list == nullptr) return;
  for (const json::Tree& container : list->array()) visit(container);
}
template <class Visit>
void for_each_container(const json::Tree& pod, Visit&& visit) {
  for (const char* kind : {kInitContainers, kContainers, kEphemeralContainers}) for_each_of(pod, kind, visit);
}
// Of those that a pod is made with; they may be changed.
template <class Visit>
void for_each_container(json::Tree& pod, Visit&& visit) {
  json::TreeObject& spec = pod.object()["spec"].object();
  for (const char* kind : {kInitContainers, kContainers})
    if (json::Tree* list = spec.find(kind))
      for (json::Tree& container : list->array()) visit(container);
}

inline bool is_true(const json::Tree* value) { return value != nullptr && value->as_bool(); }

// A copy of a pod that its node has made itself, for others to see.
inline bool is_mirror_pod(const json::Tree& pod) {
  return pod.find("metadata", "annotations", "kubernetes.io/config.mirror") != nullptr;
}

}  // namespace gantry::kube::admission
