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

// Where what dies with the host is kept: the runtime's state, networks.
std::string build_run_directory();

// The arguments outlive the builder. `registries` and `networks` may be null.
Result<build::Builder> open_builder(const Context& context, Store& store, image::Registries* registries,
                                    build::RunNetworks* networks);

}  // namespace gantry::cli
