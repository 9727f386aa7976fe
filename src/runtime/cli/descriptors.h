// SPDX-License-Identifier: Apache-2.0
//
// Descriptors of the caller that go on to the container: --preserve-fds and
// socket activation (LISTEN_FDS and LISTEN_PID, sd_listen_fds(3)).
#pragma once

#include "base/error.h"
#include "oci/runtime_spec.h"

namespace gantry::runtime::cli {

// How many from 3 on: `asked` and those of LISTEN_FDS. A gap among them is an error: the
// next descriptor that the runtime opens would fall into it and leak.
Result<int> count_preserved(int asked);

// Tells the program about those of LISTEN_FDS, if there are any: it is to be process 1.
void announce_listen_fds(oci::Process& process);

}  // namespace gantry::runtime::cli
