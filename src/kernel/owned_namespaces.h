// SPDX-License-Identifier: Apache-2.0
//
// Namespaces that belong to a given user namespace.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::kernel {

// One of each kind (CLONE_NEWNET, ...), made inside of `user_namespace`, in that order. No process is in
// them. From any thread of any program.
Result<std::vector<UniqueFd>> make_owned_namespaces(int user_namespace,
                                                    std::initializer_list<std::uint64_t> kinds);

}  // namespace gantry::kernel
