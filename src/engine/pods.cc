// SPDX-License-Identifier: Apache-2.0
#include "engine/pods.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "engine/container_network.h"
#include "engine/container_paths.h"
#include "engine/locked_container.h"
#include "engine/names.h"
#include "engine/pod_cgroup.h"
#include "engine/pod_namespaces.h"
#include "engine/start_container.h"
#include "engine/undo.h"
#include "engine/user_namespace.h"

namespace gantry::engine {

namespace {

std::string files_directory(Core& core, const std::string& id) {
  return containers_directory(core.options) + "/" + id;
}

void publish_pod_event(Core& core, const PodRecord& pod, const char* action) {
  std::map<std::string, std::string> attributes = pod.settings->labels;
  attributes["name"] = pod.name;
  core.events.publish(
      {.type = "pod", .action = action, .actor = pod.id, .attributes = std::move(attributes)});
}

Result<PodRef> started_pod(Core& core, const std::string& id) {
  PodRef pod = TRY(core.pods.find(id))->record();
  if (!pod->is_running) return error(Code::Conflict, "pod '{}' is not started", pod->name);
  return pod;
}

// ---- create

Result<void> check_sysctls(const PodSettings& settings) {
  for (const auto& [name, value] : settings.sysctls) {
    const bool is_ipc = name.starts_with("fs.mqueue.") || name.starts_with("kernel.shm") ||
                        name.starts_with("kernel.msg") || name == "kernel.sem";
    if (!is_ipc && !name.starts_with("net."))
      return error(Code::InvalidArgument, "sysctl '{}' is not of a network or IPC namespace", name);
    if (is_ipc ? settings.host_ipc : settings.network_mode == "host")
      return error(Code::InvalidArgument, "sysctl '{}' would be the host's", name);
  }
  return {};
}

Result<std::vector<std::string>> settle(Core& core, PodSettings& settings) {
  if (settings.network_mode.empty() || settings.network_mode == "default") settings.network_mode = "bridge";
  if (settings.network_mode.starts_with("container:"))
    return error(Code::InvalidArgument, "NetworkMode: a pod has a network of its own, or the host's");
  if (!settings.userns_mode.empty() && settings.userns_mode != "host")
    return error(Code::InvalidArgument, "UsernsMode: '{}' is not 'host'", settings.userns_mode);
  TRY(check_sysctls(settings));
  ContainerSettings like;
  like.host_config.userns_mode = settings.userns_mode;
  like.host_config.network_mode = settings.network_mode;
  TRY(choose_user_namespace(core, like));
  settings.uid_mappings = std::move(like.uid_mappings);
  settings.gid_mappings = std::move(like.gid_mappings);
  return container::check_resources(settings.resources, core.facts);
}

// ---- start

Result<std::string> make_pod_network(Core& core, const PodRecord& pod, const ContainerRecord& like) {
  if (network_kind(*like.settings) == NetworkKind::Host) return std::string();
  UniqueFd owner;
  if (!pod.settings->uid_mappings.empty())
    owner = TRY(open_at(AT_FDCWD, pod_paths(core.options, pod.id).user, O_RDONLY));
  std::map<std::string, std::string> sysctls = pod.settings->sysctls;
  std::erase_if(sysctls, [](const auto& sysctl) { return !sysctl.first.starts_with("net."); });
  const std::vector<std::string>& dns = pod.settings->dns;
  return core.networks.make_sandbox(pod.id, {.user_namespace = owner.get(),
                                             .sysctls = std::move(sysctls),
                                             .dns_servers = dns.empty() ? core.options.dns : dns});
}

Result<ContainerNetworks> make_pod(Core& core, const PodRecord& pod) {
  for (const std::string& warning : TRY(make_pod_cgroup(core.options, pod)))
    core.log.warn("a limit of a pod has no effect", {{"pod", pod.id}, {"why", warning}});
  TRY(make_pod_namespaces(core.options, pod));
  const ContainerRecord like = pod_as_container(pod);
  const std::string network = TRY(make_pod_network(core, pod, like));
  TRY(write_name_files(core, like));
  ContainerNetworks networks = TRY(connect_networks(core, like, network));
  TRY(write_hosts(core, like, networks));
  return networks;
}

// All of it, as far as it is there.
Result<void> take_back(Core& core, const PodRecord& pod) {
  Result<void> networks = remove_networks(core, pod_as_container(pod));
  remove_pod_namespaces(pod_paths(core.options, pod.id));
  Result<void> cgroup = remove_pod_cgroup(core.options, pod);
  return networks ? std::move(cgroup) : std::move(networks);
}

// ---- its containers

std::shared_ptr<Container> leader_of(Core& core, const std::string& pod) {
  const auto containers = containers_of_pod(core, pod);
  return containers.empty() ? nullptr : containers.front();
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

Result<CreateResult> create_pod(Core& core, std::string_view name, PodSettings settings) {
  PodRecord record{.id = random_hex(32), .created = wall_clock_ns()};
  record.name = name.empty() ? random_name(4) : TRY(check_name(name));
  for (const std::shared_ptr<Pod>& other : core.pods.all())
    if (other->record()->name == record.name)
      return error(Code::Conflict, "the pod name '{}' is already in use by pod '{}'", record.name,
                   other->record()->id);
  CreateResult result{.id = record.id};
  result.warnings = TRY(settle(core, settings));
  auto networks = std::make_shared<ContainerNetworks>();
  networks->wanted = TRY(by_network_name(core, settings.endpoints));
  networks->wanted.try_emplace(network_name(core, settings.network_mode));
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
  publish_pod_event(core, record, "create");
  return result;
}

Result<void> start_pod_namespaces(Core& core, Pod& pod) {
  PodRecord record = *pod.record();
  if (record.is_running) return {};
  TRY_DURING(take_back(core, record), "take away what an earlier start of pod '{}' left", record.name);
  auto made = make_pod(core, record);
  Result<void> saved;
  if (made) {
    record.is_running = true;
    record.networks = std::make_shared<const ContainerNetworks>(std::move(*made));
    saved = core.database.save_pod(pod.row, record);
  }
  if (!made || !saved) {
    (void)take_back(core, record);  // the error above is nearer to the cause
    return made ? std::move(saved).error() : std::move(made).error();
  }
  pod.publish(record);
  publish_pod_event(core, record, "start");
  return {};
}

Result<void> stop_pod_namespaces(Core& core, Pod& pod) {
  PodRecord record = *pod.record();
  TRY(take_back(core, record));
  if (!record.is_running) return {};
  record.is_running = false;
  record.networks = std::make_shared<const ContainerNetworks>(without_addresses(*record.networks));
  TRY(core.database.save_pod(pod.row, record));
  pod.publish(record);
  publish_pod_event(core, record, "stop");
  return {};
}

Result<void> check_pod_namespaces(Core& core, Pod& pod) {
  const PodRef record = pod.record();
  const PodPaths paths = pod_paths(core.options, record->id);
  const bool has_something = ::access(paths.directory.c_str(), F_OK) == 0;
  if (record->is_running ? are_pod_namespaces_there(paths) : !has_something) return {};
  return stop_pod_namespaces(core, pod);
}

Result<void> forget_pod(Core& core, Pod& pod) {
  TRY(stop_pod_namespaces(core, pod));
  const PodRef record = pod.record();
  TRY(remove_tree_at(AT_FDCWD, files_directory(core, record->id)));
  TRY(core.database.remove_pod(pod.row));
  pod.is_removed = true;
  core.pods.remove(record->id);
  publish_pod_event(core, *record, "destroy");
  return {};
}

std::vector<std::shared_ptr<Container>> containers_of_pod(Core& core, const std::string& pod) {
  std::vector<std::shared_ptr<Container>> found;
  for (std::shared_ptr<Container>& container : core.containers.all())
    if (container->record()->settings->pod == pod) found.push_back(std::move(container));
  std::ranges::sort(found, {}, [](const auto& container) { return container->number; });
  return found;
}

void join_pod(const Core& core, const PodRecord& pod, ContainerSettings& settings) {
  settings.pod = pod.id;
  settings.config.hostname = hostname_of(pod);
  settings.config.domainname = pod.settings->domainname;
  container::HostConfig& host = settings.host_config;
  host.cgroup_parent = pod_cgroup_path(core.options, pod);
  if (pod.settings->network_mode == "host") host.network_mode = "host";
  if (pod.settings->host_ipc) host.ipc_mode = "host";
  if (!pod.settings->userns_mode.empty()) host.userns_mode = pod.settings->userns_mode;
}

Result<std::string> pod_user_namespace(Core& core, const std::string& pod) {
  const PodRef record = TRY(started_pod(core, pod));
  return record->settings->uid_mappings.empty() ? std::string() : pod_paths(core.options, record->id).user;
}

Result<std::string> pod_network_namespace(Core& core, const std::string& pod) {
  return TRY(started_pod(core, pod))->networks->sandbox_key;
}

Result<container::JoinedNamespaces> pod_namespaces(Core& core, const ContainerRecord& container) {
  const PodRef pod = TRY(started_pod(core, container.settings->pod));
  const PodPaths paths = pod_paths(core.options, pod->id);
  container::JoinedNamespaces joined{.uts = paths.uts};
  if (!pod->settings->host_ipc) joined.ipc = paths.ipc;
  if (!pod->settings->share_pid) return joined;
  const auto leader = leader_of(core, pod->id);
  if (!leader || leader->id() == container.id) return joined;
  const ContainerRef record = leader->record();
  if (!record->state.is_running())
    return error(Code::Conflict, "the processes of pod '{}' live with its container '{}', which has ended",
                 pod->name, record->name);
  joined.pid = fmt::format("/proc/{}/ns/pid", record->state.pid);
  return joined;
}

Result<std::string> pod_shared_memory(Core& core, const std::string& pod) {
  const PodRef record = TRY(started_pod(core, pod));
  return record->settings->host_ipc ? std::string() : pod_paths(core.options, record->id).shared_memory;
}

Result<NameFiles> pod_name_files(Core& core, const std::string& pod) {
  return name_files_of(core, pod_as_container(*TRY(started_pod(core, pod))));
}

Result<void> start_pod_leader(Core& core, const ContainerRecord& container) {
  if (container.settings->pod.empty()) return {};
  const PodRef pod = TRY(started_pod(core, container.settings->pod));
  if (!pod->settings->share_pid) return {};
  const auto found = leader_of(core, pod->id);
  if (!found || found->id() == container.id) return {};
  // Nobody who holds the leader waits for another container, so this ends.
  const LockedContainer leader = TRY(LockedContainer::find(core, found->id()));
  const ContainerRef record = leader->record();
  if (record->state.is_running()) return {};
  if (record->state.stopped_by_hand)
    return error(
        Code::Conflict,
        "the processes of pod '{}' live with its container '{}', which was stopped: start that first",
        pod->name, record->name);
  return start_container(core, leader.shared(), StartedBy::RestartPolicy);
}

}  // namespace gantry::engine
