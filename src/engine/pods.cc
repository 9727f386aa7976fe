// SPDX-License-Identifier: Apache-2.0
#include "engine/pods.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "engine/container_network.h"
#include "engine/container_paths.h"
#include "engine/joined_namespaces.h"
#include "engine/mounted_rootfs.h"
#include "engine/names.h"
#include "engine/undo.h"

namespace gantry::engine {

namespace {

struct PodPaths {
  std::string directory;  // below the run directory
  std::string ipc, uts;   // files that the namespaces are mounted on
  std::string shared_memory;
};

PodPaths paths_of(const EngineOptions& options, const std::string& id) {
  const std::string directory = fmt::format("{}/pods/{}", options.run, id);
  return {directory, directory + "/ipc", directory + "/uts", directory + "/shm"};
}

std::string files_directory(Core& core, const std::string& id) {
  return containers_directory(core.options) + "/" + id;
}

Result<void> pin_namespace(const char* type, const std::string& path) {
  (void)TRY(open_at(AT_FDCWD, path, O_RDONLY | O_CREAT, 0600));
  const std::string source = fmt::format("/proc/thread-self/ns/{}", type);
  if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) < 0)
    return sys_error("mount '{}' at '{}'", source, path);
  return {};
}

// On a thread that ends afterwards: unshare(2) is for good.
Result<void> make_namespaces_here(const PodPaths& paths, const std::string& hostname, bool has_ipc) {
  if (::unshare(CLONE_NEWUTS | (has_ipc ? CLONE_NEWIPC : 0)) < 0)
    return sys_error("make the namespaces of a pod");
  if (::sethostname(hostname.c_str(), hostname.size()) < 0)
    return sys_error("name a pod's host '{}'", hostname);
  TRY(pin_namespace("uts", paths.uts));
  return has_ipc ? pin_namespace("ipc", paths.ipc) : Result<void>();
}

Result<void> make_namespaces(const PodPaths& paths, const std::string& hostname, bool has_ipc) {
  Result<void> made;
  std::thread([&] { made = make_namespaces_here(paths, hostname, has_ipc); }).join();
  return made;
}

void remove_namespaces(const PodPaths& paths) {
  for (const std::string& path : {paths.ipc, paths.uts}) {
    (void)::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);  // it may not be mounted
    (void)::unlink(path.c_str());
  }
  clear_mount_point(paths.shared_memory);
  (void)::rmdir(paths.directory.c_str());
}

std::string hostname_of(const PodRecord& pod) {
  return pod.settings->hostname.empty() ? pod.name : pod.settings->hostname;
}

Result<PodRef> started_pod(Core& core, const std::string& id) {
  PodRef pod = TRY(core.pods.find(id))->record();
  if (!pod->is_running) return error(Code::Conflict, "pod '{}' is not started", pod->name);
  return pod;
}

Result<void> make_pod(Core& core, const PodRecord& pod, ContainerNetworks& networks) {
  const PodPaths paths = paths_of(core.options, pod.id);
  TRY(make_directories(paths.directory, 0700));
  TRY(make_namespaces(paths, hostname_of(pod), !pod.settings->host_ipc));
  const ContainerRecord like = pod_as_container(pod);
  if (!pod.settings->host_ipc) TRY(mount_shared_memory(paths.shared_memory, core.options.defaults.shm_size));
  const std::string network = TRY(make_network_namespace(core, like));
  TRY(write_name_files(core, like));
  networks = TRY(connect_networks(core, like, network));
  return write_hosts(core, like, networks);
}

}  // namespace

ContainerRecord pod_as_container(const PodRecord& pod) {
  auto settings = std::make_shared<ContainerSettings>();
  settings->config.hostname = hostname_of(pod);
  settings->config.domainname = pod.settings->domainname;
  settings->config.labels = pod.settings->labels;
  container::HostConfig& host = settings->host_config;
  host.network_mode = pod.settings->network_mode;
  host.port_bindings = pod.settings->port_bindings;
  host.dns = pod.settings->dns;
  host.dns_options = pod.settings->dns_options;
  host.dns_search = pod.settings->dns_search;
  host.extra_hosts = pod.settings->extra_hosts;
  return {.id = pod.id,
          .name = pod.name,
          .created = pod.created,
          .settings = std::move(settings),
          .networks = pod.networks};
}

Result<std::string> create_pod(Core& core, std::string_view name, PodSettings settings) {
  PodRecord record{.id = random_hex(32), .created = wall_clock_ns()};
  record.name = name.empty() ? random_name(4) : TRY(check_name(name));
  if (settings.network_mode.empty() || settings.network_mode == "default") settings.network_mode = "bridge";
  auto networks = std::make_shared<ContainerNetworks>();
  networks->wanted = settings.endpoints;
  networks->wanted.try_emplace(settings.network_mode);
  networks->endpoints = networks->wanted;
  record.networks = std::move(networks);
  record.settings = std::make_shared<const PodSettings>(std::move(settings));
  TRY(make_directories(files_directory(core, record.id), 0710));
  Undo remove([&] { (void)remove_tree_at(AT_FDCWD, files_directory(core, record.id)); });
  const RowNumber row = TRY(core.database.add_pod(record));
  Undo remove_row([&] { (void)core.database.remove_pod(row); });
  TRY(core.pods.add(std::make_shared<Pod>(row, record)));
  remove_row.dismiss();
  remove.dismiss();
  return record.id;
}

Result<void> start_pod_namespaces(Core& core, Pod& pod) {
  PodRecord record = *pod.record();
  if (record.is_running) return {};
  remove_namespaces(paths_of(core.options, record.id));  // of a start that was killed
  ContainerNetworks networks;
  auto made = make_pod(core, record, networks);
  if (made) {
    record.is_running = true;
    record.networks = std::make_shared<const ContainerNetworks>(std::move(networks));
    made = core.database.save_pod(pod.row, record);
  }
  if (!made) {
    (void)remove_networks(core, pod_as_container(record));  // the error above is nearer to the cause
    remove_namespaces(paths_of(core.options, record.id));
    return made;
  }
  pod.publish(std::move(record));
  return {};
}

Result<void> remove_pod_namespaces(Core& core, Pod& pod) {
  PodRecord record = *pod.record();
  TRY(remove_networks(core, pod_as_container(record)));
  remove_namespaces(paths_of(core.options, record.id));
  record.is_running = false;
  record.networks = std::make_shared<const ContainerNetworks>(without_addresses(*record.networks));
  TRY(core.database.save_pod(pod.row, record));
  pod.publish(std::move(record));
  return {};
}

Result<void> check_pod_namespaces(Core& core, Pod& pod) {
  const PodRef record = pod.record();
  if (!record->is_running || ::access(paths_of(core.options, record->id).uts.c_str(), F_OK) == 0) return {};
  return remove_pod_namespaces(core, pod);
}

Result<void> forget_pod(Core& core, Pod& pod) {
  TRY(remove_pod_namespaces(core, pod));
  const std::string id = pod.record()->id;
  TRY(remove_tree_at(AT_FDCWD, files_directory(core, id)));
  TRY(core.database.remove_pod(pod.row));
  pod.is_removed = true;
  core.pods.remove(id);
  return {};
}

std::vector<std::shared_ptr<Container>> containers_of_pod(Core& core, const std::string& pod) {
  std::vector<std::shared_ptr<Container>> found;
  for (std::shared_ptr<Container>& container : core.containers.all())
    if (container->record()->settings->pod == pod) found.push_back(std::move(container));
  std::ranges::sort(found, {}, [](const auto& container) { return container->number; });
  return found;
}

Result<std::string> pod_network_namespace(Core& core, const std::string& pod) {
  return TRY(started_pod(core, pod))->networks->sandbox_key;
}

Result<container::JoinedNamespaces> pod_namespaces(Core& core, const std::string& pod) {
  const PodRef record = TRY(started_pod(core, pod));
  const PodPaths paths = paths_of(core.options, record->id);
  container::JoinedNamespaces joined{.uts = paths.uts};
  if (!record->settings->host_ipc) joined.ipc = paths.ipc;
  return joined;
}

Result<std::string> pod_shared_memory(Core& core, const std::string& pod) {
  const PodRef record = TRY(started_pod(core, pod));
  return record->settings->host_ipc ? std::string() : paths_of(core.options, record->id).shared_memory;
}

Result<NameFiles> pod_name_files(Core& core, const std::string& pod) {
  return name_files_of(core, pod_as_container(*TRY(started_pod(core, pod))));
}

}  // namespace gantry::engine
