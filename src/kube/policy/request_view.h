// SPDX-License-Identifier: Apache-2.0
//
// A request as those outside see it: its objects in the version that they asked for, and the rest as the
// fields of admission.k8s.io/v1 AdmissionRequest. It is made when the first of them looks.
#pragma once

#include <optional>

#include "kube/admission/admission.h"

namespace gantry::kube::admission {

class RequestView {
 public:
  // Both live as long as the view. Fails if the objects cannot be converted.
  static Answer<RequestView> make(const AdmissionRequest& request, const Resource& as);

  const AdmissionRequest& request() const { return request_; }
  const Resource& as() const { return as_; }
  // Null where there is none.
  const json::Tree& object() const;
  const json::Tree& old_object() const;
  // Without uid, object and oldObject.
  const json::Tree& fields() const;

 private:
  RequestView(const AdmissionRequest& request, const Resource& as) : request_(request), as_(as) {}

  const AdmissionRequest& request_;
  const Resource& as_;
  // Where the version is another than the request's.
  std::optional<json::Tree> object_;
  std::optional<json::Tree> old_object_;
  mutable std::optional<json::Tree> fields_;
};

}  // namespace gantry::kube::admission
