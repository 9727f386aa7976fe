// SPDX-License-Identifier: Apache-2.0
//
// What a ValidatingAdmissionPolicy and a MutatingAdmissionPolicy have in common, compiled: which requests it
// is about, on which conditions, with which parameters and variables. Immutable; for any thread.
#pragma once

#include <string>
#include <vector>

#include "kube/policy/expressions.h"
#include "kube/policy/policy_variables.h"
#include "kube/policy/request_match.h"

namespace gantry::kube::admission {

class Policy {
 public:
  explicit Policy(const json::Tree& object);

  const std::string& name() const { return name_; }
  bool fails_closed() const { return fails_closed_; }
  // "v1", "ConfigMap"; empty kind: the policy takes none.
  const std::string& param_api_version() const { return param_api_version_; }
  const std::string& param_kind() const { return param_kind_; }
  bool has_params() const { return !param_kind_.empty(); }
  const Answer<RequestMatch>& match() const { return match_; }
  // Whether the conditions hold; an error if that cannot be said.
  Result<bool> applies(RequestValues& values) const;

 protected:
  const PolicyVariables& variables() const { return variables_; }
  // Of its other expressions.
  cel::Environment environment() const {
    return environment_for({.has_params = has_params()}, variables_.type());
  }
  // Of conditions and variables that do not compile, by their places.
  std::vector<Cause> common_faults() const;

 private:
  std::string name_;
  bool fails_closed_ = true;
  std::string param_api_version_;
  std::string param_kind_;
  Answer<RequestMatch> match_;
  MatchConditions conditions_;
  PolicyVariables variables_;
};

}  // namespace gantry::kube::admission
