// SPDX-License-Identifier: Apache-2.0
//
// The verbs of `gantry registry` that are not about the registry of this host.
#pragma once

#include "cli/command.h"

namespace gantry::cli {

// registry_login.cc
extern const Verb kLogin, kLogout;

}  // namespace gantry::cli
