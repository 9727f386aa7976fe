// SPDX-License-Identifier: Apache-2.0
//
// The object of a request after somebody from outside has changed it.
#pragma once

#include "kube/admission/admission.h"
#include "kube/schema/decode.h"

namespace gantry::kube::admission {

// Of the object in a request that is looked at as `as`; of a subresource it may be another than the
// resource's. Null: nobody knows it.
const Type* type_of_object(const AdmissionRequest& request, const Resource& as);

// Puts `changed`, which is in the version of `as`, in the object's place: as its type has it, converted, with
// defaults. Whether that changes it. 500 for what is no such object.
Answer<bool> change_object(AdmissionRequest& request, const Resource& as, json::Tree changed,
                           FieldValidation validation);

}  // namespace gantry::kube::admission
