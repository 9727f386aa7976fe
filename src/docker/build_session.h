// SPDX-License-Identifier: Apache-2.0
//
// POST /build?version=2: how docker's client asks for a BuildKit build where it has no plugin for that
// (docker 18.09 to 20.10). Files, secrets and credentials are asked of its session (POST /session), a tar on
// its standard input comes in a request of its own, and progress goes back as BuildKit's messages within
// docker's.
#pragma once

#include "docker/call.h"
#include "docker/context.h"

namespace gantry::docker {

Result<void> build_by_session(const Context& context, Call& call);

}  // namespace gantry::docker
