// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kube/server/verbs.h"

namespace gantry::kube {

// Replaces an object, or what a subresource of it shows, in the server's own name. An object that has changed
// in between (409) or is gone (404) is no failure: there will be news of it. False: try again later.
bool update_own(const Verbs& verbs, const Resource& resource, const json::Tree& object,
                const std::string& subresource = {});

}  // namespace gantry::kube
