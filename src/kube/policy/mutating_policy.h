// SPDX-License-Identifier: Apache-2.0
//
// One MutatingAdmissionPolicy, compiled
// (https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/). Immutable; for any
// thread.
#pragma once

#include <optional>
#include <vector>

#include "kube/policy/policy.h"
#include "kube/schema/type.h"

namespace gantry::kube::admission {

class MutatingPolicy : public Policy {
 public:
  explicit MutatingPolicy(const json::Tree& object);

  bool is_reinvoked() const { return is_reinvoked_; }  // when others changed the object after it
  // Done one after the other, each to what the one before has left.
  std::size_t mutations() const { return mutations_.size(); }

  // The values for the policy's expressions; all are borrowed.
  RequestValues values(const RequestView& view, const ObjectSource& objects,
                       const cel::Authorizer& authorizer, const json::Tree* params) const {
    return RequestValues(view, objects, authorizer, params, uses_namespace_);
  }
  // The view's object after a mutation; nothing where a test of a JSON patch leaves it alone. It may not be
  // what its type allows. `type`: the object's.
  Result<std::optional<json::Tree>> mutate(std::size_t mutation, const RequestView& view, const Type& type,
                                           RequestValues& values) const;
  // Expressions that do not compile, by their places.
  std::vector<Cause> faults() const;

 private:
  struct Mutation {
    bool is_apply = false;  // of an apply configuration; otherwise of a JSON patch
    Expression expression;
  };
  static Mutation compile(const json::Tree& mutation, const cel::Environment& environment);

  std::vector<Mutation> mutations_;
  bool is_reinvoked_ = false;
  bool uses_namespace_ = false;
};

}  // namespace gantry::kube::admission
