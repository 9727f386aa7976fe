// SPDX-License-Identifier: Apache-2.0
//
// The rules (x-kubernetes-validations) at every level of a custom resource's schema
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
// #validation-rules): compiled once for each version of a CustomResourceDefinition, then for any thread to
// check objects by.
//
//   std::vector<Cause> causes;
//   CrdRules rules(schema, "spec.validation.openAPIV3Schema", causes);     // causes: the definition is
//   refused
//   ...
//   CrdRules::Findings found = rules.check(object, old_object);            // causes: the object is
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/cel/program.h"

namespace gantry::kube::cel {

// Estimated costs that Kubernetes refuses: of a rule, as often as it may run, and of all of a schema.
inline constexpr std::uint64_t kEstimatedCostOfRule = 10'000'000;
inline constexpr std::uint64_t kEstimatedCostOfSchema = 100'000'000;

class CrdRules {
 public:
  struct Findings {
    std::vector<Cause> causes;
    // Faults in what did not change: the client is told, the write goes on.
    std::vector<std::string> warnings;
  };

  // Of a structural openAPIV3Schema. What is wrong with its rules is added to `causes`, with paths that begin
  // with `path`; then the rules are not for use.
  CrdRules(const json::Tree& schema, const std::string& path, std::vector<Cause>& causes);
  CrdRules(CrdRules&&) noexcept;
  CrdRules& operator=(CrdRules&&) noexcept;
  ~CrdRules();

  bool is_empty() const;
  // `object` was decoded, defaulted and found valid by its schema. `old`: what it replaces; null: nothing.
  Findings check(const json::Tree& object, const json::Tree* old) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace gantry::kube::cel
