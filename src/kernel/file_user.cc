// SPDX-License-Identifier: Apache-2.0
#include "kernel/file_user.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::kernel {

Result<void> act_on_files_as(uid_t uid, gid_t gid) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct capabilities[2] = {};
  if (::syscall(SYS_capget, &header, capabilities) < 0) return sys_error("read capabilities");
  // These two answer the id of before, also when they fail: ask again.
  (void)::setfsgid(gid);
  (void)::setfsuid(uid);
  if (static_cast<gid_t>(::setfsgid(gid)) != gid || static_cast<uid_t>(::setfsuid(uid)) != uid)
    return error(Code::PermissionDenied, "act on files as user {} and group {}", uid, gid);
  if (::syscall(SYS_capset, &header, capabilities) < 0) return sys_error("set capabilities");
  return {};
}

}  // namespace gantry::kernel
