// SPDX-License-Identifier: Apache-2.0
//
// The plugin ValidatingAdmissionPolicy: all policies with their bindings, kept compiled as they change.
#pragma once

#include <memory>

#include "kube/access/authorizer.h"
#include "kube/admission/admission.h"
#include "kube/api/object_source.h"

namespace gantry::kube::admission {

class ValidatingPolicies final : public Plugin {
 public:
  // Both outlive the plugin.
  ValidatingPolicies(ObjectSource& objects, const Authorizer& authorizer);
  ~ValidatingPolicies() override;

  std::string_view name() const override { return "ValidatingAdmissionPolicy"; }
  // Also refuses policies whose expressions do not compile.
  Answer<void> validate(AdmissionRequest& request) const override;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace gantry::kube::admission
