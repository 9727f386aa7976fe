// SPDX-License-Identifier: Apache-2.0
#include "engine/kernel_file_system.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <iterator>

namespace gantry::engine {

Result<bool> is_kernel_file_system(int fd) {
  // Those that linux/magic.h does not have are from their file systems' sources.
  constexpr unsigned kConfigfs = 0x62656570, kFusectl = 0x65735543, kMqueue = 0x19800202,
                     kResctrl = 0x7655821;
  constexpr unsigned kTypes[] = {AUTOFS_SUPER_MAGIC,  BINFMTFS_MAGIC, BPF_FS_MAGIC,  CGROUP_SUPER_MAGIC,
                                 CGROUP2_SUPER_MAGIC, kConfigfs,      DEBUGFS_MAGIC, DEVPTS_SUPER_MAGIC,
                                 EFIVARFS_MAGIC,      kFusectl,       kMqueue,       NSFS_MAGIC,
                                 PROC_SUPER_MAGIC,    PSTOREFS_MAGIC, kResctrl,      SECURITYFS_MAGIC,
                                 SELINUX_MAGIC,       SMACK_MAGIC,    SYSFS_MAGIC,   TRACEFS_MAGIC};
  struct statfs about{};
  if (::fstatfs(fd, &about) < 0) return sys_error("look at the file system");
  return std::ranges::find(kTypes, static_cast<unsigned>(about.f_type)) != std::end(kTypes);
}

}  // namespace gantry::engine
