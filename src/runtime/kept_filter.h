// SPDX-License-Identifier: Apache-2.0
//
// A compiled seccomp filter as the bytes of a file: `create` keeps it with the container, so that `exec` need
// not compile it again. docs/formats/runtime-state.md, seccomp.bpf.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/seccomp_filter.h"

namespace gantry::runtime {

// Without the names of unknown system calls.
std::string to_bytes(const SeccompFilter& filter);
// Nothing for bytes that are something else, or of another version.
std::optional<SeccompFilter> seccomp_filter_from(std::string_view bytes);

}  // namespace gantry::runtime
