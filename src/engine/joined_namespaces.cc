// SPDX-License-Identifier: Apache-2.0
#include "engine/joined_namespaces.h"

#include <fcntl.h>
#include <linux/mount.h>

#include "base/file.h"
#include "engine/container_paths.h"
#include "engine/joined_container.h"
#include "engine/mounted_rootfs.h"
#include "engine/pods.h"
#include "kernel/mount.h"

namespace gantry::engine {

namespace {

Result<ContainerRef> running(Core& core, std::string_view other, std::string_view what) {
  ContainerRef record = TRY(core.find(other))->record();
  if (!record->state.is_running())
    return error(Code::Conflict, "cannot join {} of a non running container: {}", what, record->id);
  return record;
}

Result<std::string> namespace_of(Core& core, const std::string& mode, std::string_view type) {
  const auto other = joined_container(mode);
  if (!other) return std::string();
  const ContainerRef record = TRY(running(core, *other, type));
  return fmt::format("/proc/{}/ns/{}", record->state.pid, type);
}

}  // namespace

Result<container::JoinedNamespaces> joined_namespaces_of(Core& core, const ContainerRecord& container) {
  const container::HostConfig& host = container.settings->host_config;
  container::JoinedNamespaces joined;
  if (!container.settings->pod.empty()) joined = TRY(pod_namespaces(core, container));
  if (joined.ipc.empty()) joined.ipc = TRY(namespace_of(core, host.ipc_mode, "ipc"));
  if (joined.pid.empty()) joined.pid = TRY(namespace_of(core, host.pid_mode, "pid"));
  return joined;
}

Result<std::string> shared_memory_of(Core& core, const ContainerRecord& container) {
  const container::HostConfig& host = container.settings->host_config;
  if (!container.settings->pod.empty()) return pod_shared_memory(core, container.settings->pod);
  if (host.ipc_mode == "shareable") {
    std::string path = paths_of(core.options, container).shared_memory;
    TRY(mount_shared_memory(path, host.shm_size));
    return path;
  }
  const auto other = joined_container(host.ipc_mode);
  if (!other) return std::string();
  const ContainerRef record = TRY(running(core, *other, "IPC"));
  if (record->settings->host_config.ipc_mode != "shareable")
    return error(Code::Conflict,
                 "cannot join IPC of container {}: non-shareable IPC (hint: use IpcMode:shareable for the "
                 "donor container)",
                 record->id);
  return paths_of(core.options, *record).shared_memory;
}

Result<void> mount_shared_memory(const std::string& path, std::int64_t bytes) {
  clear_mount_point(path);  // of an earlier run
  TRY(make_directories(path, 0700));
  const UniqueFd target = TRY(open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  auto memory = TRY(kernel::DetachedMount::create(
      {.type = "tmpfs",
       .source = "shm",
       .options = {"mode=1777", fmt::format("size={}", bytes)},
       .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC}));
  return memory.attach_to(target.get());
}

}  // namespace gantry::engine
