// SPDX-License-Identifier: Apache-2.0
//
// Which of several classes is the default: one that its annotation says so of; the newest, of equally old
// ones the first by name.
#pragma once

#include <initializer_list>

#include "kube/admission/followed_objects.h"

namespace gantry::kube::admission {

// Null if there is none.
FollowedObjects::Object default_of(const FollowedObjects& classes,
                                   std::initializer_list<const char*> annotations);

}  // namespace gantry::kube::admission
