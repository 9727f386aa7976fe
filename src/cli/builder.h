// SPDX-License-Identifier: Apache-2.0
//
// The builder that the command works with.
#pragma once

#include "base/error.h"
#include "build/builder.h"
#include "cli/command.h"
#include "cli/store.h"
#include "image/transfer/registries.h"

namespace gantry::cli {

// The arguments outlive the builder. `registries` may be null.
Result<build::Builder> open_builder(const Context& context, Store& store, image::Registries* registries);

}  // namespace gantry::cli
