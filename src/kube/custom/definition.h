// SPDX-License-Identifier: Apache-2.0
//
// A CustomResourceDefinition (apiextensions.k8s.io/v1): what it may say, and the resources that it makes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/custom/validator.h"
#include "kube/schema/custom_schema.h"
#include "kube/schema/resource.h"

namespace gantry::kube::custom {

struct CustomVersion {
  Resource resource;
  bool is_served = false;
  std::unique_ptr<const CustomSchema> schema;  // resource.type is in it
  std::unique_ptr<const Validator> validator;
};

// All of them, in the order of the definition, which was checked when it was written. How objects get from
// one to another is not said yet: resource.versions is null.
std::vector<CustomVersion> versions_of(const json::Tree& definition);

// What is wrong with a definition's versions: schemas, defaults, columns, selectable fields, subresources.
// Names, and what versions have to do with each other, are kube/rules'.
std::vector<Cause> check_versions(const json::Tree& definition);

}  // namespace gantry::kube::custom
