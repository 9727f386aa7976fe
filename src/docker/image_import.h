// SPDX-License-Identifier: Apache-2.0
//
// POST /images/create with `fromSrc`: an image of one layer out of a flat tar.
#pragma once

#include "base/error.h"
#include "docker/call.h"
#include "docker/context.h"

namespace gantry::docker {

Result<void> import_image(const Context& context, Call& call);

}  // namespace gantry::docker
