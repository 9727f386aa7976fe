// SPDX-License-Identifier: Apache-2.0
//
// The schema of a custom resource as a Type, so that pruning, defaulting, server-side apply and the rest work
// as for built-in kinds. Made from an openAPIV3Schema that was found structural when its
// CustomResourceDefinition was written (kube/custom); whatever it says beyond that is passed over.
//
//   const CustomSchema schema(openapi, {"stable.example.com", "v1", "CronTab"});
//   prune(schema.type(), object);
//   TRY(apply_defaults(schema.type(), object));
#pragma once

#include <deque>

#include "base/json_tree.h"
#include "kube/schema/constraints.h"
#include "kube/schema/resource.h"
#include "kube/schema/type.h"

namespace gantry::kube {

class CustomSchema {
 public:
  // `kind` names the type: "com.example.stable.v1.CronTab". A schema without anything keeps all there is.
  CustomSchema(const json::Tree& openapi, const GroupVersionKind& kind);
  // Types point to each other.
  CustomSchema(const CustomSchema&) = delete;
  CustomSchema& operator=(const CustomSchema&) = delete;

  // Of the whole object; every type in it that is not a built-in one has constraints.
  const Type& type() const { return *root_; }

 private:
  friend class CustomSchemaBuilder;
  std::deque<Type> types_;
  std::deque<Constraints> constraints_;
  const Type* root_ = nullptr;
};

}  // namespace gantry::kube
