// SPDX-License-Identifier: Apache-2.0
//
// What a schema cannot say about the built-in kinds: what a create or update puts right before it stores, and
// what makes an object invalid, with the fields' paths, reasons and words that Kubernetes has
// (https://kubernetes.io/docs/reference/kubernetes-api/). CustomResourceDefinitions' own objects have no
// rules here but metadata's. Pure functions, for any thread.
//
// A create: decoded, defaulted, metadata filled in (name, namespace, uid, creationTimestamp), then
//
//   prepare({resource, "", nullptr}, object);
//   ... managed fields, admission ...
//   if (auto causes = validate({resource, "", nullptr}, object); !causes.empty()) return invalid(...);
#pragma once

#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/schema/resource.h"

namespace gantry::kube::rules {

struct Change {
  const Resource& resource;
  std::string_view subresource;        // empty: the object itself
  const json::Tree* before = nullptr;  // null: it is created
};

// Sets and resets what clients cannot choose: what metadata keeps from before (uid, times), generation,
// status on the object itself, everything but status on status, fields that follow from others. The object is
// in the resource's version.
void prepare(const Change& change, json::Tree& object);

// Everything that is wrong with it, metadata first. Empty: it may be stored.
std::vector<Cause> validate(const Change& change, const json::Tree& object);

// Top-level fields that a request cannot set (managed_fields.h): "status" of an object that has one as a
// subresource; "spec" of its status.
std::vector<std::string_view> unset_fields(const Resource& resource, std::string_view subresource);

}  // namespace gantry::kube::rules
