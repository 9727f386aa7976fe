// SPDX-License-Identifier: Apache-2.0
#include "engine/start_container.h"

#include <fcntl.h>

#include <utility>

#include "base/beside.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "container/blocking_shim_client.h"
#include "container/launch.h"
#include "container/make_spec.h"
#include "engine/attach_shim.h"
#include "engine/container_events.h"
#include "engine/container_files.h"
#include "engine/container_network.h"
#include "engine/container_paths.h"
#include "engine/end_container.h"
#include "engine/execs.h"
#include "engine/health_checks.h"
#include "engine/image_mounts.h"
#include "engine/joined_namespaces.h"
#include "engine/links.h"
#include "engine/log_connection.h"
#include "engine/log_options.h"
#include "engine/mounted_rootfs.h"
#include "engine/pods.h"
#include "engine/remove_container.h"
#include "engine/runtime_program.h"
#include "engine/step_times.h"
#include "engine/undo.h"
#include "engine/user_namespace.h"
#include "engine/volume_mounts.h"

namespace gantry::engine {

namespace {

Result<void> check_may_start(const ContainerRecord& container) {
  switch (container.state.status) {
    case Status::Paused: return error(Code::Conflict, "cannot start a paused container, try unpause instead");
    case Status::Removing:
    case Status::Dead: return error(Code::Conflict, "container is marked for removal and cannot be started");
    case Status::Created:
    case Status::Running:
    case Status::Restarting:
    case Status::Exited: break;
  }
  return {};
}

shim::WindowSize size_of(const std::vector<std::uint32_t>& rows_and_columns) {
  if (rows_and_columns.size() != 2) return {};
  return {.rows = static_cast<std::uint16_t>(rows_and_columns[0]),
          .columns = static_cast<std::uint16_t>(rows_and_columns[1])};
}

// By this file programs know that they are in a container. One that an image brings will do.
void mark_as_container(const std::string& rootfs) {
  const std::string path = rootfs + "/.dockerenv";
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0755));
}

class Start {
 public:
  Start(Core& core, const std::shared_ptr<Container>& container)
      : core_(core),
        container_(container),
        record_(*container->record()),
        paths_(paths_of(core.options, record_)) {}

  // On success the program runs and `record` says so.
  Result<ContainerRecord> run() {
    TRY(start_pod_leader(core_, record_));
    TRY(clear_leftovers());
    TRY(check_log_service(TRY(log_settings())));
    Undo clean_up([this] {
      root_.reset();
      clean_up_run(core_, record_);
    });
    // Before anything is made: should this process be killed, the next engine finds by it what to clean up.
    TRY(make_directories(paths_.shim_state, 0700));
    const std::vector<LinkedContainer> links = TRY(running_links_of(core_, record_));
    const std::vector<oci::Mount> mounts =
        TRY(resolve_mounts(record_.id, *record_.settings, paths_.scratch,
                           {.volumes = *core_.volumes, .mount_image = image_mounter(core_, record_.id)}));
    times_.done("mounts");
    user_namespace_ = TRY(make_user_namespace(core_, record_));
    const std::string network = TRY(make_network_namespace(core_, record_, user_namespace_));
    TRY(write_name_files(core_, record_));
    times_.done("network");
    {
      // The runtime needs the namespace, not what it is connected to.
      const Beside connecting(core_.pool, [&] { connected_ = connect(network); });
      TRY(create(network, mounts, links));
    }
    times_.done("connect");
    record_.networks = std::make_shared<ContainerNetworks>(TRY(std::move(connected_)));
    auto shim = TRY(container::BlockingShimClient::connect(paths_.shim_socket));
    attach_waiting();
    times_.done("attach");
    TRY(shim.start());
    times_.done("start");
    clean_up.dismiss();
    connection_ = std::move(shim).release();
    return record_;
  }

  UniqueFd take_connection() { return std::move(connection_); }
  UniqueFd take_root() { return std::move(root_); }
  const StepTimes& times() const { return times_; }

 private:
  // Of a start that was killed, or of an end whose cleaning up failed.
  Result<void> clear_leftovers() {
    if (has_run_leftovers(core_, record_)) clean_up_run(core_, record_);
    return {};
  }

  Result<ContainerNetworks> connect(const std::string& network) {
    ContainerNetworks networks = TRY(connect_networks(core_, record_, network));
    TRY(write_hosts(core_, record_, networks));
    return networks;
  }

  Result<void> create(const std::string& network, const std::vector<oci::Mount>& mounts,
                      const std::vector<LinkedContainer>& links) {
    MountedRootfs rootfs = TRY(MountedRootfs::mount(core_, record_, paths_.rootfs));
    mark_as_container(paths_.rootfs);
    times_.done("root");
    TRY(write_spec(network, mounts, links));
    times_.done("spec");
    pid_ = TRY(container::launch_shim(TRY(launch_options())));
    root_ = rootfs.hold();
    times_.done("create");
    return {};
  }

  Result<void> write_spec(const std::string& network, const std::vector<oci::Mount>& mounts,
                          const std::vector<LinkedContainer>& links) {
    NameFiles files = TRY(name_files_of(core_, record_));
    container::JoinedNamespaces joined = TRY(joined_namespaces_of(core_, record_));
    joined.network = network;
    joined.user = user_namespace_;
    std::string shm = TRY(shared_memory_of(core_, record_));
    const oci::Spec spec =
        TRY(container::make_spec({.id = record_.id,
                                  .config = record_.settings->config,
                                  .host_config = record_.settings->host_config,
                                  .defaults = core_.options.defaults,
                                  .rootfs = paths_.rootfs,
                                  .joined = std::move(joined),
                                  .uid_mappings = oci_mappings(record_.settings->uid_mappings),
                                  .gid_mappings = oci_mappings(record_.settings->gid_mappings),
                                  .mounts = mounts,
                                  .hosts = std::move(files.hosts),
                                  .hostname_file = std::move(files.hostname),
                                  .resolv_conf = std::move(files.resolv_conf),
                                  .shm = std::move(shm),
                                  .init_program = core_.options.init,
                                  .cgroup_path = paths_.cgroup,
                                  .link_env = link_environment_of(record_, links)}));
    return replace_file_at(AT_FDCWD, paths_.directory + "/config.json", oci::to_json(spec), 0600);
  }

  Result<LogSettings> log_settings() const {
    return parse_log_config(record_.settings->host_config.log_config, {}, record_.settings->config);
  }

  Result<container::ShimLaunch> launch_options() {
    const container::Config& config = record_.settings->config;
    const container::HostConfig& host = record_.settings->host_config;
    const LogSettings log = TRY(log_settings());
    std::string runtime = TRY(runtime_of(core_.options, host.runtime));
    return container::ShimLaunch{.program = core_.options.shim,
                                 .id = record_.id,
                                 .bundle = paths_.directory,
                                 .runtime = std::move(runtime),
                                 .runtime_root = runtime_root(core_.options),
                                 .state_dir = paths_.shim_state,
                                 .log_path = log.has_file() ? paths_.log : std::string(),
                                 .log_max_bytes = log.max_bytes,
                                 .log_max_files = log.max_files,
                                 .terminal = config.tty,
                                 .size = size_of(host.console_size),
                                 .open_stdin = config.open_stdin,
                                 .systemd_cgroup = core_.options.systemd_cgroup};
  }

  void attach_waiting() {
    container_->attaches.attach_all([this](const AttachRequest& request) {
      return attach_shim(paths_.shim_socket, record_.settings->config, request);
    });
  }

 public:
  pid_t pid() const { return pid_; }

 private:
  Core& core_;
  const std::shared_ptr<Container>& container_;
  ContainerRecord record_;
  const ContainerPaths paths_;
  Result<ContainerNetworks> connected_ = ContainerNetworks{};
  std::string user_namespace_;  // path; empty: the daemon's
  pid_t pid_ = 0;
  UniqueFd root_;
  UniqueFd connection_;
  StepTimes times_;
};

void record_failure(Core& core, Container& container, const Error& why) {
  ContainerRecord record = *container.record();
  record.state.exit_code = container::status_of_failed_start(why);
  record.state.error = why.message();
  const bool was_restarting = record.state.status == Status::Restarting;
  if (was_restarting) record.state.status = Status::Exited;
  if (const auto saved = core.database.save_state(container.number, record.state); !saved)
    core.log.error("a failed start could not be recorded",
                   {{"container", record.id}, {"error", saved.error().message()}});
  container.publish(record);
  if (was_restarting) container.waits.ended({.exit_code = record.state.exit_code, .error = {}});
  container.attaches.attach_all(
      [&](const AttachRequest&) -> Result<Attachment> { return error(why.code(), "{}", why.message()); });
  // One that goes away when it has ended, goes away when it cannot begin.
  if (!record.settings->host_config.auto_remove) return;
  if (const auto removed = remove_container(core, container, AnonymousVolumes::Remove); !removed)
    core.log.warn("a container that could not be started could not be removed either",
                  {{"container", record.id}, {"error", removed.error().message()}});
}

ContainerState running_state(const ContainerState& before, pid_t pid, StartedBy by) {
  return {.status = Status::Running,
          .pid = pid,
          .started = wall_clock_ns(),
          .finished = before.finished,
          .restart_count = by == StartedBy::Request ? 0 : before.restart_count};
}

}  // namespace

void monitor_container(Core& core, const std::shared_ptr<Container>& container, UniqueFd connection) {
  const std::uint64_t run = ++container->run;
  const std::weak_ptr weak = container;  // the container owns the monitor
  container->monitor = ShimMonitor::start(
      core, std::move(connection),
      [&core, weak, run](RunEnd end) {
        if (const auto alive = weak.lock()) on_run_end(core, alive, run, std::move(end));
      },
      [&core, id = container->id(), started = container->record()->state.started](
          std::uint32_t session, const shim::ExitStatus& exit) {
        on_exec_end(core, id, started, session, exit);
      });
}

Result<void> start_container(Core& core, const std::shared_ptr<Container>& container, StartedBy by) {
  TRY(check_may_start(*container->record()));
  core.delays.cancel("restart/" + container->id());
  Start start(core, container);
  auto started = start.run();
  if (!started) {
    record_failure(core, *container, started.error());
    return std::move(started).error();
  }
  ContainerRecord record = std::move(*started);
  record.state = running_state(record.state, start.pid(), by);
  if (by == StartedBy::Request) container->restarts.reset();
  container->root = start.take_root();
  auto saved = core.database.save_run(container->number, record.state, *record.networks);
  if (!saved) {
    container->root.reset();
    clean_up_run(core, record);
    record_failure(core, *container, saved.error());
    return saved;
  }
  container->publish(record);
  monitor_container(core, container, start.take_connection());
  publish_mount_events(core.events, record, "mount");
  publish_event(core.events, record, "start");
  start_health_checks(core, container);
  refresh_linking_hosts(core, record);
  core.log.debug("container started", {{"container", record.id}, {"steps", start.times().text()}});
  return {};
}

}  // namespace gantry::engine
