// SPDX-License-Identifier: Apache-2.0
//
// Seccomp filters as the kernel takes them (seccomp(2)): installing one on the calling thread, and
// asking what this kernel knows. What a filter says is made by runtime/seccomp_filter.h.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::kernel {

// The calling thread, and all it will fork or execute, is under the filter from here on. Needs
// no_new_privs or CAP_SYS_ADMIN. `flags` are SECCOMP_FILTER_FLAG_*. With NEW_LISTENER the result is
// the descriptor on which SECCOMP_RET_USER_NOTIF calls are reported (close-on-exec); else it is empty.
Result<UniqueFd> install_seccomp_filter(std::span<const sock_filter> program, unsigned flags);

// Whether this kernel has an action (SECCOMP_RET_ERRNO, ...) or a flag (SECCOMP_FILTER_FLAG_LOG, ...).
bool has_seccomp_action(std::uint32_t action);
bool has_seccomp_flag(unsigned flag);

}  // namespace gantry::kernel
