// SPDX-License-Identifier: Apache-2.0
//
// The plugin MutatingAdmissionPolicy: all policies with their bindings, kept compiled as they change. They
// change a request's object in the order of their names, each seeing what the ones before have done.
#pragma once

#include <memory>

#include "kube/access/authorizer.h"
#include "kube/admission/admission.h"
#include "kube/api/object_source.h"

namespace gantry::kube::admission {

class MutatingPolicies final : public Plugin {
 public:
  // Both outlive the plugin.
  MutatingPolicies(ObjectSource& objects, const Authorizer& authorizer);
  ~MutatingPolicies() override;

  std::string_view name() const override { return "MutatingAdmissionPolicy"; }
  Answer<void> mutate(AdmissionRequest& request) const override;
  // Refuses policies whose expressions do not compile.
  Answer<void> validate(AdmissionRequest& request) const override;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace gantry::kube::admission
