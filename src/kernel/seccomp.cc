// SPDX-License-Identifier: Apache-2.0
#include "kernel/seccomp.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace gantry::kernel {
namespace {

// glibc has no wrapper.
long seccomp(unsigned operation, unsigned flags, const void* argument) {
  return ::syscall(SYS_seccomp, operation, flags, argument);
}

}  // namespace

Result<UniqueFd> install_seccomp_filter(std::span<const sock_filter> program, unsigned flags) {
  if (program.empty() || program.size() > BPF_MAXINSNS)
    return error(Code::InvalidArgument, "install seccomp filter: {} instructions, the kernel takes 1 to {}",
                 program.size(), BPF_MAXINSNS);
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()),
                          .filter = const_cast<sock_filter*>(program.data())};
  const long result = seccomp(SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (result < 0 && errno == EACCES)
    return sys_error("install seccomp filter: neither no_new_privs nor CAP_SYS_ADMIN is set");
  if (result < 0)
    return sys_error("install seccomp filter of {} instructions with flags {:#x}", program.size(), flags);
  if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) return UniqueFd(static_cast<int>(result));
  // TSYNC without TSYNC_ESRCH reports its failure as a thread id.
  if (result > 0)
    return error(Code::Conflict, "install seccomp filter: thread {} is under another filter", result);
  return UniqueFd();
}

bool has_seccomp_action(std::uint32_t action) { return seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0; }

bool has_seccomp_flag(unsigned flag) {
  // Only a listener can be waited for; alone the flag is refused by every kernel.
  if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  // The flags are checked before the (missing) program is read.
  return seccomp(SECCOMP_SET_MODE_FILTER, flag, nullptr) < 0 && errno == EFAULT;
}

}  // namespace gantry::kernel
