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

// Where a custom object keeps what the subresource scale shows, as paths: ".spec.replicas".
struct ScalePaths {
  std::string spec_replicas;  // empty: there is no such subresource
  std::string status_replicas;
  std::string label_selector;  // may be empty
};

// A version that is served.
struct CustomVersion {
  Resource resource;
  std::unique_ptr<const CustomSchema> schema;  // resource.type is in it
  std::unique_ptr<const Validator> validator;
  ScalePaths scale;
  std::string deprecation_warning;  // empty: it is not deprecated
};

// In the order of the definition, which was checked when it was written.
std::vector<CustomVersion> served_versions(const json::Tree& definition);

// What is wrong with a definition's versions: schemas, defaults, columns, selectable fields, subresources.
// Names, and what versions have to do with each other, are kube/rules'.
std::vector<Cause> check_versions(const json::Tree& definition);

}  // namespace gantry::kube::custom
