// SPDX-License-Identifier: Apache-2.0
//
// What a CustomResourceDefinition's schema asks of a value beside its form: the validation words of OpenAPI 3
// and Kubernetes' own (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/
// custom-resource-definitions/#validation). Data only: patterns and rules are text here, kube/custom and
// kube/cel compile them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_tree.h"

namespace gantry::kube {

// One of x-kubernetes-validations; what is not said is empty.
struct ValidationRule {
  std::string rule;  // in CEL
  std::string message;
  std::string message_expression;
  std::string reason;      // "FieldValueInvalid" ...
  std::string field_path;  // ".spec.replicas", from the value on
  std::optional<bool> optional_old_self;
};

struct NamedConstraints;

struct Constraints {
  // "object", "array", "string", "integer", "number" or "boolean"; empty: any, or an integer or a string.
  std::string type;
  bool is_int_or_string = false;
  bool is_nullable = false;
  std::string format;

  std::optional<double> minimum;
  std::optional<double> maximum;
  bool excludes_minimum = false;
  bool excludes_maximum = false;
  std::optional<double> multiple_of;
  std::optional<std::int64_t> min_length;  // in characters
  std::optional<std::int64_t> max_length;
  std::string pattern;  // RE2; empty: any
  std::optional<std::int64_t> min_items;
  std::optional<std::int64_t> max_items;
  std::optional<std::int64_t> min_properties;
  std::optional<std::int64_t> max_properties;
  std::vector<std::string> required;
  std::optional<std::vector<json::Tree>> allowed;  // enum

  std::vector<Constraints> all_of;
  std::vector<Constraints> any_of;
  std::vector<Constraints> one_of;
  std::unique_ptr<const Constraints> none_of;  // "not"
  // Of what is inside, where the Type does not have it: in the four above, and of the root's metadata.
  std::vector<NamedConstraints> properties;
  std::unique_ptr<const Constraints> items;
  std::unique_ptr<const Constraints> additional_properties;

  std::vector<ValidationRule> rules;
};

struct NamedConstraints {
  std::string name;  // of the property
  Constraints constraints;
};

}  // namespace gantry::kube
