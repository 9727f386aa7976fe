// SPDX-License-Identifier: Apache-2.0
//
// Network namespaces that no process has to live in: a bind mount holds them. Work inside of one is done by
// a thread of its own, so that no other ever stands in a foreign namespace.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::kernel {

// Makes a namespace and mounts it at `path`, an empty file that this makes. `owner`: the user namespace it
// belongs to, or -1 for the caller's. `inside` runs there before anybody can find it; when it fails nothing
// is left.
Result<UniqueFd> make_network_namespace(const std::string& path, int owner,
                                        const std::function<Result<void>()>& inside);

// Runs `work` in the namespace, on a thread of its own, and waits for it.
Result<void> run_in_network_namespace(int network_namespace, const std::function<Result<void>()>& work);

// Unmounts and removes it. What is not there is fine.
Result<void> remove_network_namespace(const std::string& path);

}  // namespace gantry::kernel
