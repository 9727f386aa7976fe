// SPDX-License-Identifier: Apache-2.0
#include "engine/user_namespace.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "base/file.h"
#include "engine/container_paths.h"
#include "engine/joined_container.h"
#include "engine/pods.h"

namespace gantry::engine {

namespace {

using container::HostConfig;

std::vector<IdMapping> as_mappings(const std::vector<kernel::IdRange>& ranges) {
  std::vector<IdMapping> mappings;
  for (const kernel::IdRange& range : ranges) mappings.push_back({range.inside, range.outside, range.size});
  return mappings;
}

std::vector<kernel::IdRange> as_ranges(const std::vector<IdMapping>& mappings) {
  std::vector<kernel::IdRange> ranges;
  for (const IdMapping& mapping : mappings) ranges.push_back({mapping.inside, mapping.outside, mapping.size});
  return ranges;
}

// The containers whose namespaces it shares.
std::vector<std::string_view> joined_by(const HostConfig& host) {
  std::vector<std::string_view> others;
  for (const std::string* mode : {&host.userns_mode, &host.network_mode, &host.ipc_mode, &host.pid_mode})
    if (const auto other = joined_container(*mode)) others.push_back(*other);
  return others;
}

// Whose user namespace it is in: a container's that joins nobody, or a pod's. Nobody joins what does not
// exist yet, so this ends.
Result<std::string> owner_of(Core& core, const ContainerRecord& container) {
  if (!container.settings->pod.empty()) return container.settings->pod;
  const auto others = joined_by(container.settings->host_config);
  if (others.empty()) return container.id;
  return owner_of(core, *TRY(core.find(others.front()))->record());
}

// The one that it joins may itself have joined another that has ended meanwhile: its processes hold the
// namespace.
Result<std::string> namespace_of(Core& core, std::string_view other) {
  const ContainerRef record = TRY(core.find(other))->record();
  if (!record->state.is_running())
    return error(Code::Conflict, "cannot join the user namespace of a non running container: {}", record->id);
  return fmt::format("/proc/{}/ns/user", record->state.pid);
}

Result<void> share_namespace(Core& core, ContainerSettings& settings,
                             const std::vector<std::string_view>& others) {
  std::optional<std::string> owner;
  for (const std::string_view other : others) {
    const ContainerRef record = TRY(core.find(other))->record();
    const std::string theirs = TRY(owner_of(core, *record));
    const bool is_same = !owner || *owner == theirs || !has_user_namespace(*record->settings);
    if (!is_same || (owner && record->settings->uid_mappings != settings.uid_mappings))
      return error(Code::InvalidArgument,
                   "namespaces of containers in different user namespaces cannot be joined at once");
    owner = theirs;
    settings.uid_mappings = record->settings->uid_mappings;
    settings.gid_mappings = record->settings->gid_mappings;
  }
  return {};
}

// Docker's words, two spaces included.
Result<void> check_may_have_one(const HostConfig& host) {
  if (host.privileged)
    return error(
        Code::InvalidArgument,
        "privileged mode is incompatible with user namespaces.  You must run the container in the host "
        "namespace when running privileged mode");
  if (host.network_mode == "host")
    return error(Code::InvalidArgument,
                 "cannot share the host's network namespace when user namespaces are enabled");
  if (host.pid_mode == "host")
    return error(Code::InvalidArgument,
                 "cannot share the host PID namespace when user namespaces are enabled");
  return {};
}

}  // namespace

kernel::IdMaps id_maps_of(const ContainerSettings& settings) {
  return {.uids = as_ranges(settings.uid_mappings), .gids = as_ranges(settings.gid_mappings)};
}

std::vector<oci::IdMapping> oci_mappings(const std::vector<IdMapping>& mappings) {
  std::vector<oci::IdMapping> converted;
  for (const IdMapping& mapping : mappings)
    converted.push_back({.container_id = mapping.inside, .host_id = mapping.outside, .size = mapping.size});
  return converted;
}

Result<void> choose_user_namespace(Core& core, ContainerSettings& settings) {
  const HostConfig& host = settings.host_config;
  const auto others = joined_by(host);
  if (!settings.pod.empty()) {
    const PodRef pod = TRY(core.pods.find(settings.pod))->record();
    settings.uid_mappings = pod->settings->uid_mappings;
    settings.gid_mappings = pod->settings->gid_mappings;
  } else if (!others.empty()) {
    TRY(share_namespace(core, settings, others));
  } else if (host.userns_mode != "host") {
    settings.uid_mappings = as_mappings(core.options.id_maps.uids);
    settings.gid_mappings = as_mappings(core.options.id_maps.gids);
  }
  if (!has_user_namespace(settings)) return {};
  if (host.userns_mode == "host")
    return error(Code::InvalidArgument,
                 "namespaces of a container that has a user namespace cannot be joined with --userns=host");
  return check_may_have_one(host);
}

Result<std::string> make_user_namespace(Core& core, const ContainerRecord& container) {
  const ContainerSettings& settings = *container.settings;
  if (!has_user_namespace(settings)) return std::string();
  if (!settings.pod.empty()) return pod_user_namespace(core, settings.pod);
  if (const auto others = joined_by(settings.host_config); !others.empty())
    return namespace_of(core, others.front());
  const std::string path = paths_of(core.options, container).user_namespace;
  TRY_DURING(pin_user_namespace(id_maps_of(settings), path), "make the user namespace");
  return path;
}

Result<void> pin_user_namespace(const kernel::IdMaps& maps, const std::string& path) {
  remove_user_namespace(path);  // of a run that was killed
  TRY(make_directories(path.substr(0, path.rfind('/')), 0700));
  const UniqueFd made = TRY(kernel::make_user_namespace(maps));
  (void)TRY(open_at(AT_FDCWD, path, O_RDONLY | O_CREAT, 0600));
  const std::string source = fmt::format("/proc/self/fd/{}", made.get());
  if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) < 0)
    return sys_error("mount a user namespace at '{}'", path);
  return {};
}

void remove_user_namespace(const std::string& path) {
  (void)::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);  // it may not be mounted
  (void)::unlink(path.c_str());
}

}  // namespace gantry::engine
