// SPDX-License-Identifier: Apache-2.0
#include "engine/container_paths.h"

#include <string_view>

#include <fmt/format.h>

#include "container/launch.h"

namespace gantry::engine {

namespace {

constexpr std::string_view kDefaultCgroupParent = "/gantry";

std::string cgroup_of(const EngineOptions& options, const ContainerRecord& container) {
  const std::string parent = cgroup_parent_of(options, container.settings->host_config.cgroup_parent);
  // With systemd a slice, and below it a scope: "slice:prefix:name" is how runtimes are told.
  if (options.systemd_cgroup) return fmt::format("{}:gantry:{}", parent, container.id);
  return fmt::format("{}/{}", parent, container.id);
}

}  // namespace

std::string cgroup_parent_of(const EngineOptions& options, const std::string& own) {
  const std::string& parent = own.empty() ? options.defaults.cgroup_parent : own;
  if (!parent.empty()) return parent;
  return options.systemd_cgroup ? "system.slice" : std::string(kDefaultCgroupParent);
}

std::string containers_directory(const EngineOptions& options) { return options.root + "/containers"; }
std::string shims_directory(const EngineOptions& options) { return options.run + "/shims"; }
std::string rootfs_directory(const EngineOptions& options) { return options.run + "/rootfs"; }
std::string runtime_root(const EngineOptions& options) { return options.run + "/runtime"; }
std::string shared_memory_directory(const EngineOptions& options) { return options.run + "/shm"; }
std::string user_namespaces_directory(const EngineOptions& options) { return options.run + "/userns"; }

std::string snapshot_key_of(const std::string& id) { return "container/" + id; }
std::string image_user_of(const std::string& id) { return "container/" + id; }

ContainerPaths paths_of(const EngineOptions& options, const ContainerRecord& container) {
  const std::string directory = fmt::format("{}/{}", containers_directory(options), container.id);
  const std::string shim_state = fmt::format("{}/{}", shims_directory(options), container.id);
  return {.directory = directory,
          .hosts = directory + "/hosts",
          .hostname = directory + "/hostname",
          .resolv_conf = directory + "/resolv.conf",
          .log = fmt::format("{}/{}.log", directory, container.id),
          .shim_state = shim_state,
          .shim_socket = container::shim_socket(shim_state),
          .rootfs = fmt::format("{}/{}", rootfs_directory(options), container.id),
          .scratch = fmt::format("{}/mounts/{}", options.run, container.id),
          .shared_memory = fmt::format("{}/{}", shared_memory_directory(options), container.id),
          .user_namespace = fmt::format("{}/{}", user_namespaces_directory(options), container.id),
          .cgroup = cgroup_of(options, container)};
}

}  // namespace gantry::engine
