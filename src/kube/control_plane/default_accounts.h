// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/api/object_source.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

// Every namespace has a service account "default", as which pods run that name no other. One step of a
// Reconciler over namespaces and serviceaccounts.
bool make_default_accounts(const Verbs& verbs, const ObjectSource& objects);

}  // namespace gantry::kube
