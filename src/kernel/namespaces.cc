// SPDX-License-Identifier: Apache-2.0
#include "kernel/namespaces.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <csignal>

namespace gantry::kernel {

std::string_view namespace_file(std::uint64_t flag) {
  switch (flag) {
    case CLONE_NEWNS: return "mnt";
    case CLONE_NEWPID: return "pid";
    case CLONE_NEWNET: return "net";
    case CLONE_NEWUTS: return "uts";
    case CLONE_NEWIPC: return "ipc";
    case CLONE_NEWUSER: return "user";
    case CLONE_NEWCGROUP: return "cgroup";
    case CLONE_NEWTIME: return "time";
    default: return "?";
  }
}

std::string_view namespace_name(std::uint64_t flag) {
  switch (flag) {
    case CLONE_NEWNS: return "mount";
    case CLONE_NEWNET: return "network";
    default: return namespace_file(flag);
  }
}

Result<UniqueFd> open_namespace(const std::string& path, std::uint64_t flag) {
  // O_NONBLOCK: the path may be a fifo, and opening one must not hang.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return sys_error("open namespace '{}'", path);
  struct statfs fs{};
  if (::fstatfs(fd.get(), &fs) < 0) return sys_error("look at namespace '{}'", path);
  if (fs.f_type != NSFS_MAGIC) return error(Code::InvalidArgument, "'{}' is not a namespace", path);
  const int type = ::ioctl(fd.get(), NS_GET_NSTYPE);
  if (type < 0) return sys_error("ask what namespace '{}' is", path);
  if (static_cast<std::uint64_t>(type) != flag)
    return error(Code::InvalidArgument, "'{}' is a {} namespace, not a {} namespace", path,
                 namespace_name(static_cast<std::uint64_t>(type)), namespace_name(flag));
  return fd;
}

Result<void> enter_namespace(int fd, std::uint64_t flags) {
  if (::setns(fd, static_cast<int>(flags)) < 0) return sys_error("enter {} namespace", namespace_name(flags));
  return {};
}

Result<void> unshare_namespaces(std::uint64_t flags) {
  if (::unshare(static_cast<int>(flags)) < 0) return sys_error("make {} namespace", namespace_name(flags));
  return {};
}

bool is_in_user_namespace() {
  // The first user namespace has this inode number since Linux 3.8 (PROC_USER_INIT_INO).
  struct stat st{};
  return ::stat("/proc/self/ns/user", &st) == 0 && st.st_ino != 0xEFFFFFFDU;
}

bool is_same_namespace(int a, int b) {
  struct stat sa{}, sb{};
  return ::fstat(a, &sa) == 0 && ::fstat(b, &sb) == 0 && sa.st_ino == sb.st_ino && sa.st_dev == sb.st_dev;
}

Result<pid_t> clone_process(const CloneOptions& options) {
  clone_args args{.flags = options.flags, .exit_signal = SIGCHLD};
  // With CLONE_PARENT the kernel takes the exit signal of the caller and wants 0 here.
  if (options.flags & CLONE_PARENT) args.exit_signal = 0;
  if (options.pidfd != nullptr) {
    args.flags |= CLONE_PIDFD;
    args.pidfd = reinterpret_cast<std::uint64_t>(options.pidfd);
  }
  if (options.cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(options.cgroup);
  }
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return sys_error("start process in new namespaces");
  return static_cast<pid_t>(pid);
}

}  // namespace gantry::kernel
