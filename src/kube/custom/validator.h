// SPDX-License-Identifier: Apache-2.0
//
// Whether custom objects are as their schema says: forms, limits, patterns, lists' keys; with the fields,
// reasons and words that people know. Rules in CEL are kube/cel's, metadata is kube/rules'.
//
//   const Validator validator(schema.type());             // once for each version of a definition
//   std::vector<Cause> causes = validator.validate(object, &as_it_is_stored);
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/cel/pattern.h"
#include "kube/rules/spot.h"
#include "kube/schema/constraints.h"
#include "kube/schema/type.h"

namespace gantry::kube::custom {

class Validator {
 public:
  // `type` is a CustomSchema's and lives longer. Its patterns are compiled; one that is none matches
  // anything, since definitions with such are refused (schema_checks.h).
  explicit Validator(const Type& type);

  // What is wrong. `before` is the object as it is stored, null for a new one: a value that was wrong there
  // already and is the same now is let be, so that a schema can become stricter.
  std::vector<Cause> validate(const json::Tree& object, const json::Tree* before = nullptr) const;
  // Of a value that stands somewhere in an object and is new.
  void validate(const Type& type, const rules::Spot& spot) const;

 private:
  class Walk;
  void compile(const Type& type);
  void compile(const Constraints& constraints);

  const Type& type_;
  std::unordered_map<const Constraints*, cel::Pattern> patterns_;
};

}  // namespace gantry::kube::custom
