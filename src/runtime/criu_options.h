// SPDX-License-Identifier: Apache-2.0
//
// What a dump and a restore have to agree on.
#pragma once

#include "runtime/checkpoint.h"
#include "runtime/criu.h"

namespace gantry::runtime {

// A file among the images, as runc writes it: a JSON array of what the descriptors 0, 1 and 2 were.
// "pipe:[123]" for a pipe and "file[1a:2b]" for a file of the host's are keys for --inherit-fd.
inline constexpr const char* kDescriptorsFile = "descriptors.json";

// A namespace that the container did not make: CRIU is given it under this key.
inline constexpr const char* kNetworkKey = "extRootNetNS";
inline constexpr const char* kPidKey = "extRootPidNS";

// With the options that both have.
Result<Criu> prepare_criu(const CriuOptions& options, const char* action);

}  // namespace gantry::runtime
