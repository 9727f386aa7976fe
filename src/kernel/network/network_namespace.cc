// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/network_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <thread>

#include "base/file.h"
#include "kernel/namespaces.h"
#include "kernel/owned_namespaces.h"

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

}  // namespace

Result<UniqueFd> make_network_namespace(const std::string& path, int owner,
                                        const std::function<Result<void>()>& inside) {
  std::vector<UniqueFd> made;
  if (owner >= 0) made = TRY(make_owned_namespaces(owner, {CLONE_NEWNET}));
  UniqueFd mounted;
  TRY(on_thread([&]() -> Result<void> {
    if (!made.empty()) {
      TRY(enter_namespace(made[0].get(), CLONE_NEWNET));
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
