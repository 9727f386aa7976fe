// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/network_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <thread>

#include "base/file.h"
#include "kernel/namespaces.h"

namespace gantry::kernel {
namespace {

Result<void> on_thread(const std::function<Result<void>()>& work) {
  Result<void> outcome;
  std::thread([&] { outcome = work(); }).join();
  return outcome;
}

Result<UniqueFd> mount_at(const std::string& path, const std::string& link) {
  UniqueFd file = TRY(open_at(AT_FDCWD, path, O_CREAT | O_EXCL | O_RDONLY, 0444));
  if (::mount(link.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) < 0) {
    Error failure = sys_error("mount network namespace at '{}'", path);
    (void)::unlink(path.c_str());
    return failure;
  }
  return open_at(AT_FDCWD, path, O_RDONLY);
}

// Only a process with one thread may enter a user namespace, so a child does, which makes just system calls,
// and lives until the namespace it made is held by the descriptor.
Result<UniqueFd> open_new_namespace_of(int user_namespace) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return sys_error("make socket pair");
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const auto child = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child < 0) return sys_error("clone");
  if (child == 0) {
    int failed = 0;
    if (::setns(user_namespace, CLONE_NEWUSER) < 0 || ::unshare(CLONE_NEWNET) < 0) failed = errno;
    (void)::write(ends[1], &failed, sizeof failed);
    (void)::close(ends[0]);
    (void)::read(ends[1], &failed, sizeof failed);  // end of file: the parent has it, or is gone
    ::_exit(0);
  }
  theirs.reset();
  int failed = 0;
  Result<UniqueFd> fd = error(Code::Internal, "make network namespace: the child ended early");
  if (::read(ours.get(), &failed, sizeof failed) == sizeof failed)
    fd = failed != 0 ? Result<UniqueFd>(sys_error_of(failed, "make network namespace in user namespace"))
                     : open_at(AT_FDCWD, fmt::format("/proc/{}/ns/net", child), O_RDONLY);
  (void)::kill(child, SIGKILL);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return fd;
}

}  // namespace

Result<UniqueFd> make_network_namespace(const std::string& path, int owner,
                                        const std::function<Result<void>()>& inside) {
  std::optional<UniqueFd> made;
  if (owner >= 0) made = TRY(open_new_namespace_of(owner));
  UniqueFd mounted;
  TRY(on_thread([&]() -> Result<void> {
    if (made) {
      TRY(enter_namespace(made->get(), CLONE_NEWNET));
    } else {
      TRY(unshare_namespaces(CLONE_NEWNET));
    }
    TRY(inside());
    mounted = TRY(mount_at(path, "/proc/thread-self/ns/net"));
    return {};
  }));
  return mounted;
}

Result<void> run_in_network_namespace(int network_namespace, const std::function<Result<void>()>& work) {
  return on_thread([&]() -> Result<void> {
    TRY(enter_namespace(network_namespace, CLONE_NEWNET));
    return work();
  });
}

Result<void> remove_network_namespace(const std::string& path) {
  // EINVAL: a file on which nothing is mounted, as it is left behind by a crash.
  if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
    return sys_error("unmount network namespace '{}'", path);
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return sys_error("remove '{}'", path);
  return {};
}

}  // namespace gantry::kernel
