// SPDX-License-Identifier: Apache-2.0
//
// gantry snapshot save, restore: a control plane's store as one file.
#pragma once

#include "cli/command.h"

namespace gantry::cli {

extern const Verb kSaveStore;
extern const Verb kRestoreStore;

}  // namespace gantry::cli
