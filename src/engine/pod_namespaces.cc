// SPDX-License-Identifier: Apache-2.0
#include "engine/pod_namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/file.h"
#include "engine/joined_namespaces.h"
#include "engine/mounted_rootfs.h"
#include "engine/user_namespace.h"
#include "kernel/namespaces.h"
#include "kernel/owned_namespaces.h"

namespace gantry::engine {

namespace {

Result<void> pin_namespace(const char* type, const std::string& path) {
  (void)TRY(open_at(AT_FDCWD, path, O_RDONLY | O_CREAT, 0600));
  const std::string source = fmt::format("/proc/thread-self/ns/{}", type);
  if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) < 0)
    return sys_error("mount '{}' at '{}'", source, path);
  return {};
}

// unshare(2), into namespaces that belong to the pod's user namespace if it has one.
Result<void> enter_new_namespaces(const PodPaths& paths, const PodSettings& settings) {
  if (settings.uid_mappings.empty())
    return kernel::unshare_namespaces(CLONE_NEWUTS | (settings.host_ipc ? 0 : CLONE_NEWIPC));
  const UniqueFd user = TRY(kernel::open_namespace(paths.user, CLONE_NEWUSER));
  const auto made = TRY(kernel::make_owned_namespaces(user.get(), {CLONE_NEWUTS, CLONE_NEWIPC}));
  TRY(kernel::enter_namespace(made[0].get(), CLONE_NEWUTS));
  return settings.host_ipc ? Result<void>() : kernel::enter_namespace(made[1].get(), CLONE_NEWIPC);
}

// Those of the IPC namespace; the network's are set with it.
Result<void> set_ipc_sysctls(const PodSettings& settings) {
  for (const auto& [name, value] : settings.sysctls) {
    if (name.starts_with("net.")) continue;
    std::string path = "/proc/sys/" + name;
    std::ranges::replace(path, '.', '/');
    TRY_DURING(write_existing_at(AT_FDCWD, path, value), "sysctl '{}'", name);
  }
  return {};
}

Result<void> make_on_this_thread(const PodPaths& paths, const PodRecord& pod) {
  const PodSettings& settings = *pod.settings;
  TRY_DURING(enter_new_namespaces(paths, settings), "make the namespaces of a pod");
  const std::string hostname = hostname_of(pod);
  if (::sethostname(hostname.c_str(), hostname.size()) < 0)
    return sys_error("name a pod's host '{}'", hostname);
  const std::string& domain = settings.domainname;
  if (!domain.empty() && ::setdomainname(domain.c_str(), domain.size()) < 0)
    return sys_error("name a pod's domain '{}'", domain);
  TRY(pin_namespace("uts", paths.uts));
  if (settings.host_ipc) return {};
  TRY(set_ipc_sysctls(settings));
  return pin_namespace("ipc", paths.ipc);
}

kernel::IdMaps maps_of(const PodSettings& settings) {
  return id_maps_of({.uid_mappings = settings.uid_mappings, .gid_mappings = settings.gid_mappings});
}

}  // namespace

std::string hostname_of(const PodRecord& pod) {
  return pod.settings->hostname.empty() ? pod.name : pod.settings->hostname;
}

PodPaths pod_paths(const EngineOptions& options, const std::string& id) {
  const std::string directory = fmt::format("{}/pods/{}", options.run, id);
  return {directory, directory + "/user", directory + "/ipc", directory + "/uts", directory + "/shm"};
}

Result<void> make_pod_namespaces(const EngineOptions& options, const PodRecord& pod) {
  const PodPaths paths = pod_paths(options, pod.id);
  TRY(make_directories(paths.directory, 0700));
  const PodSettings& settings = *pod.settings;
  if (!settings.uid_mappings.empty()) TRY(pin_user_namespace(maps_of(settings), paths.user));
  // On a thread that ends afterwards: unshare(2) is for good.
  Result<void> made;
  std::thread([&] { made = make_on_this_thread(paths, pod); }).join();
  TRY(std::move(made));
  if (settings.host_ipc) return {};
  const std::int64_t bytes = settings.shm_size > 0 ? settings.shm_size : options.defaults.shm_size;
  return mount_shared_memory(paths.shared_memory, bytes);
}

void remove_pod_namespaces(const PodPaths& paths) {
  for (const std::string& path : {paths.ipc, paths.uts, paths.user}) {
    (void)::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);  // it may not be mounted
    (void)::unlink(path.c_str());
  }
  clear_mount_point(paths.shared_memory);
  (void)::rmdir(paths.directory.c_str());
}

bool are_pod_namespaces_there(const PodPaths& paths) {
  return kernel::open_namespace(paths.uts, CLONE_NEWUTS).has_value();
}

}  // namespace gantry::engine
