// SPDX-License-Identifier: Apache-2.0
#include "runtime/proc_guard.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <string_view>

namespace gantry::runtime {
namespace {

// lxcfs and the like show a container its own figures there.
constexpr std::string_view kCoverable[] = {"/proc/cpuinfo",
                                           "/proc/diskstats",
                                           "/proc/meminfo",
                                           "/proc/stat",
                                           "/proc/swaps",
                                           "/proc/uptime",
                                           "/proc/loadavg",
                                           "/proc/slabinfo",
                                           "/proc/sys/kernel/ns_last_pid",
                                           "/proc/sys/crypto/fips_enabled"};

Result<bool> is_proc(int fd) {
  struct statfs fs{};
  if (::fstatfs(fd, &fs) < 0) return sys_error("look at file system");
  return fs.f_type == PROC_SUPER_MAGIC;
}

}  // namespace

Result<void> refuse_inside_proc(int target, const kernel::RootDir& root) {
  const std::string root_path = TRY(kernel::path_of(root.fd()));
  std::string path = TRY(kernel::path_of(target));
  if (root_path != "/" && path.starts_with(root_path + "/")) path.erase(0, root_path.size());
  const bool is_below_proc = path == "/proc" || path.starts_with("/proc/");
  if (!is_below_proc && !TRY(is_proc(target))) return {};
  if (std::ranges::find(kCoverable, path) != std::end(kCoverable)) return {};
  return error(Code::PermissionDenied, "'{}' is inside of proc and must not be covered", path);
}

Result<bool> is_root_of_proc(int fd) {
  constexpr ino_t kRootInode = 1;  // PROC_ROOT_INO of the kernel
  if (!TRY(is_proc(fd))) return false;
  struct stat st{};
  if (::fstat(fd, &st) < 0) return sys_error("look at proc");
  return st.st_ino == kRootInode;
}

}  // namespace gantry::runtime
