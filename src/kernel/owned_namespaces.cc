// SPDX-License-Identifier: Apache-2.0
#include "kernel/owned_namespaces.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "kernel/namespaces.h"

namespace gantry::kernel {
namespace {

// Makes just system calls: it is the copy of a process that may have threads. Lives until the parent has what
// it made, or is gone.
[[noreturn]] void hold_namespaces(int user_namespace, int flags, int parent, int parents_end) {
  int failed = 0;
  if (::setns(user_namespace, CLONE_NEWUSER) < 0 || ::unshare(flags) < 0) failed = errno;
  (void)!::write(parent, &failed, sizeof failed);
  (void)::close(parents_end);
  (void)!::read(parent, &failed, sizeof failed);  // end of file
  ::_exit(0);
}

Result<std::vector<UniqueFd>> open_all(pid_t holder, std::initializer_list<std::uint64_t> kinds) {
  std::vector<UniqueFd> opened;
  for (const std::uint64_t kind : kinds)
    opened.push_back(TRY(open_namespace(fmt::format("/proc/{}/ns/{}", holder, namespace_file(kind)), kind)));
  return opened;
}

}  // namespace

// Only a process with one thread may enter a user namespace, so a child does.
Result<std::vector<UniqueFd>> make_owned_namespaces(int user_namespace,
                                                    std::initializer_list<std::uint64_t> kinds) {
  int flags = 0;
  for (const std::uint64_t kind : kinds) flags |= static_cast<int>(kind);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return sys_error("make socket pair");
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const auto child = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child < 0) return sys_error("clone");
  if (child == 0) hold_namespaces(user_namespace, flags, ends[1], ends[0]);
  theirs.reset();
  int failed = 0;
  Result<std::vector<UniqueFd>> made = error(Code::Internal, "make namespaces: the child ended early");
  if (::read(ours.get(), &failed, sizeof failed) == sizeof failed)
    made = failed != 0
               ? Result<std::vector<UniqueFd>>(sys_error_of(failed, "make namespaces in a user namespace"))
               : open_all(child, kinds);
  (void)::kill(child, SIGKILL);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return made;
}

}  // namespace gantry::kernel
