// SPDX-License-Identifier: Apache-2.0
#include "build/run_step.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/byte_stream.h"
#include "base/file.h"
#include "build/mount_stubs.h"
#include "container/check.h"
#include "container/make_spec.h"
#include "container/run_once.h"
#include "kernel/id_map.h"
#include "kernel/mount.h"
#include "oci/runtime_spec.h"

namespace gantry::build {
namespace {

// Enough for any compiler, and no host is brought down by a RUN that forks without end: a process of a shell
// costs a few hundred kilobytes.
std::int64_t most_processes() {
  constexpr std::int64_t kEach = 1 << 20;  // bytes of the host's memory
  const std::int64_t memory = std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
  return std::clamp<std::int64_t>(memory / kEach, 1024, 32'768);
}

struct Pipe {
  UniqueFd read, write;
  static Result<Pipe> make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return sys_error("make a pipe");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  }
};

// Hands on what comes out of both pipes until both are closed.
Result<void> pump(const Pipe& out, const Pipe& err,
                  const std::function<void(LogStream, std::string_view)>& on_output) {
  pollfd fds[] = {{.fd = out.read.get(), .events = POLLIN}, {.fd = err.read.get(), .events = POLLIN}};
  char buffer[16 << 10];
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (::poll(fds, std::size(fds), -1) < 0 && errno != EINTR) return sys_error("wait for output");
    for (pollfd& fd : fds) {
      if (fd.fd < 0 || fd.revents == 0) continue;
      const ssize_t n = ::read(fd.fd, buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0)
        fd.fd = -1;
      else
        on_output(&fd == fds ? LogStream::Out : LogStream::Err,
                  std::string_view(buffer, static_cast<std::size_t>(n)));
    }
  }
  return {};
}

// A network of this RUN's own; given back at the end.
class Sandbox {
 public:
  static Result<Sandbox> make(RunNetworks* networks, const RunCommand& command, const std::string& key,
                              int owner) {
    Sandbox sandbox;
    if (networks == nullptr || command.network != RunNetworkMode::Default) return sandbox;
    sandbox.made_ = TRY_DURING(networks->make(key, command.network_name, owner), "connect to the network");
    sandbox.networks_ = networks;
    sandbox.key_ = key;
    return sandbox;
  }
  Sandbox(Sandbox&& other) noexcept
      : networks_(std::exchange(other.networks_, nullptr)),
        key_(std::move(other.key_)),
        made_(std::move(other.made_)) {}
  ~Sandbox() {
    if (networks_ != nullptr) networks_->remove(key_);
  }
  bool is_there() const { return networks_ != nullptr; }
  const RunNetworks::Sandbox& operator*() const { return made_; }

 private:
  Sandbox() = default;
  RunNetworks* networks_ = nullptr;
  std::string key_;
  RunNetworks::Sandbox made_;
};

// One of this RUN's own where RUNs have any; an empty descriptor where they have none. What only the host's
// users may have is refused, as it is to containers.
Result<UniqueFd> make_user_namespace(const RunCommand& command, const RunSettings& settings) {
  if (settings.id_maps.uids.empty()) return UniqueFd();
  if (command.is_insecure)
    return error(Code::Unsupported, "--security=insecure is not possible where user namespaces are enabled");
  if (command.network == RunNetworkMode::Host ||
      (command.network == RunNetworkMode::Default && settings.networks == nullptr))
    return error(Code::Unsupported, "the host's network cannot be shared where user namespaces are enabled");
  return kernel::make_user_namespace(settings.id_maps);
}

std::vector<oci::IdMapping> mappings_of(const std::vector<kernel::IdRange>& ranges) {
  std::vector<oci::IdMapping> mappings;
  for (const kernel::IdRange& range : ranges)
    mappings.push_back({.container_id = range.inside, .host_id = range.outside, .size = range.size});
  return mappings;
}

// What runs in the thread with a mount namespace of its own.
class Runner {
 public:
  Runner(const Session& session, StepRoot& root, const RunCommand& command, const RunSettings& settings,
         const std::string& id, const UniqueFd& user_namespace, const Sandbox& sandbox,
         const MountSources& sources, Cancel& cancel)
      : session_(session),
        root_(root),
        command_(command),
        settings_(settings),
        id_(id),
        user_namespace_(user_namespace),
        sandbox_(sandbox),
        sources_(sources),
        cancel_(cancel) {}

  Result<WaitStatus> run(int out, int err) {
    TRY(leave_mount_namespace());
    const std::string bundle = TRY(make_bundle());
    const std::string rootfs = bundle + "/rootfs", points = bundle + "/mounts";
    TRY(make_directories(rootfs, 0711));
    TRY(make_directories(points, 0700));
    const UniqueFd target = TRY(open_at(AT_FDCWD, rootfs, O_PATH | O_DIRECTORY));
    TRY(root_.mount().attach_to(target.get()));
    RunMounts mounts(session_, settings_.material, sources_, cancel_);
    for (const RunMountPlan& plan : command_.mounts)
      TRY_DURING(mounts.add(plan, points), "mount '{}'", plan.target);
    const oci::Spec spec = TRY(make_spec(bundle, rootfs, mounts));
    TRY(replace_file_at(AT_FDCWD, bundle + "/config.json", oci::to_json(spec), 0600));
    std::vector<std::string> targets;
    for (const oci::Mount& mount : spec.mounts) targets.push_back(mount.destination);
    const MountStubs stubs(root_.directory(), targets);
    TRY(make_directories(session_.runtime_root(), 0700));
    const WaitStatus status = TRY(container::run_once({.runtime = settings_.runtime,
                                                       .runtime_root = session_.runtime_root(),
                                                       .id = id_,
                                                       .bundle = bundle,
                                                       .out = out,
                                                       .err = err,
                                                       .cancel_fd = cancel_.fd()}));
    TRY(stubs.remove());
    return status;
  }

 private:
  // Mounts of the host still come in; none goes out.
  static Result<void> leave_mount_namespace() {
    if (::unshare(CLONE_FS | CLONE_NEWNS) < 0) return sys_error("make a mount namespace");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0)
      return sys_error("keep mounts in their namespace");
    return {};
  }

  // In memory, and only in this mount namespace: the environment in its config.json may hold secrets. The
  // first process of a container with a user namespace finds its root there by itself.
  Result<std::string> make_bundle() {
    std::string bundle = TRY(session_.make_directory("bundle"));
    const UniqueFd target = TRY(open_at(AT_FDCWD, bundle, O_PATH | O_DIRECTORY));
    auto tmpfs = TRY(kernel::DetachedMount::create({.type = "tmpfs",
                                                    .source = "bundle",
                                                    .options = {"mode=0711"},
                                                    .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV}));
    TRY(tmpfs.attach_to(target.get()));
    return bundle;
  }

  Result<std::string> write_file(const std::string& path, std::string_view content) {
    TRY(replace_file_at(AT_FDCWD, path, content, 0644));
    return path;
  }

  // Mounted at a path, which is how a specification says what to join.
  Result<std::string> pin_user_namespace(const std::string& bundle) {
    std::string path = bundle + "/user";
    (void)TRY(open_at(AT_FDCWD, path, O_RDONLY | O_CREAT, 0600));
    const std::string source = fmt::format("/proc/self/fd/{}", user_namespace_.get());
    if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) < 0)
      return sys_error("mount the user namespace");
    return path;
  }

  std::string hosts_text() const {
    std::string text = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
    for (const std::string& host : settings_.limits.extra_hosts) {
      const std::size_t separator = host.find_first_of(":=");
      if (separator != host.npos)
        text += fmt::format("{}\t{}\n", host.substr(separator + 1), host.substr(0, separator));
    }
    return text;
  }

  std::string resolver_text() const {
    if (sandbox_.is_there() && !(*sandbox_).resolv_conf.empty()) return (*sandbox_).resolv_conf;
    return read_file("/etc/resolv.conf", 1 << 20).value_or("");  // a host without one has no name service
  }

  container::HostConfig host_config() const {
    const container::HostConfig& limits = settings_.limits;
    container::HostConfig host;
    static_cast<container::Resources&>(host) = limits;
    if (!host.pids_limit) host.pids_limit = most_processes();
    host.shm_size = limits.shm_size;
    host.security_opt = limits.security_opt;
    host.privileged = command_.is_insecure;
    if (sandbox_.is_there() || command_.network == RunNetworkMode::None)
      host.network_mode = "none";
    else
      host.network_mode = "host";
    return host;
  }

  Result<oci::Spec> make_spec(const std::string& bundle, const std::string& rootfs, const RunMounts& mounts) {
    container::Config config;
    config.hostname = "buildkitsandbox";
    config.user = command_.user;
    config.env = command_.environment;
    config.env.insert(config.env.end(), mounts.environment().begin(), mounts.environment().end());
    config.working_dir = command_.working_directory;
    config.cmd = command_.words;
    container::HostConfig host = host_config();
    const container::HostFacts facts = TRY(container::HostFacts::read());
    const container::HostDefaults defaults;
    container::apply_defaults(config, host, defaults, facts);
    TRY(container::check_settings(config, host, facts));
    const std::string parent = host.cgroup_parent.empty() ? settings_.cgroup_parent : host.cgroup_parent;
    container::SpecInputs inputs{.id = id_,
                                 .config = config,
                                 .host_config = host,
                                 .defaults = defaults,
                                 .rootfs = rootfs,
                                 .mounts = mounts.mounts(),
                                 .cgroup_path = fmt::format("{}/{}", parent, id_)};
    inputs.hosts = TRY(write_file(bundle + "/hosts", hosts_text()));
    inputs.resolv_conf = TRY(write_file(bundle + "/resolv.conf", resolver_text()));
    if (sandbox_.is_there()) inputs.joined.network = (*sandbox_).path;
    if (user_namespace_) {
      inputs.joined.user = TRY(pin_user_namespace(bundle));
      inputs.uid_mappings = mappings_of(settings_.id_maps.uids);
      inputs.gid_mappings = mappings_of(settings_.id_maps.gids);
    }
    if (!command_.script.empty()) inputs.mounts.push_back(TRY(script_mount(bundle)));
    return container::make_spec(inputs);
  }

  Result<oci::Mount> script_mount(const std::string& bundle) {
    const std::string directory = bundle + "/script";
    TRY(make_directories(directory, 0755));
    TRY(replace_file_at(AT_FDCWD, directory + "/" + command_.script_name, command_.script, 0755));
    return oci::Mount{.destination = kScriptDirectory,
                      .type = "bind",
                      .source = directory,
                      .options = {"rbind", "rprivate", "ro"}};
  }

  const Session& session_;
  StepRoot& root_;
  const RunCommand& command_;
  const RunSettings& settings_;
  const std::string& id_;
  const UniqueFd& user_namespace_;  // empty: this process's
  const Sandbox& sandbox_;
  const MountSources& sources_;
  Cancel& cancel_;
};

}  // namespace

Result<WaitStatus> run_command(const Session& session, StepRoot& root, const RunCommand& command,
                               const RunSettings& settings, Cancel& cancel,
                               const std::function<void(LogStream, std::string_view)>& on_output) {
  Pipe out = TRY(Pipe::make()), err = TRY(Pipe::make());
  const std::string id = fmt::format("build-{}-{}", session.id(), session.unique_name("run"));
  // Not in the thread: whoever has networks and agents may begin threads for them, which would keep its
  // mounts.
  const MountSources sources = TRY(find_mount_sources(session, command.mounts, settings.material));
  const UniqueFd user_namespace = TRY(make_user_namespace(command, settings));
  const Sandbox sandbox = TRY(Sandbox::make(settings.networks, command, id, user_namespace.get()));
  std::optional<Result<WaitStatus>> status;
  std::thread thread([&] {
    Runner runner(session, root, command, settings, id, user_namespace, sandbox, sources, cancel);
    status.emplace(runner.run(out.write.get(), err.write.get()));
    out.write.reset();
    err.write.reset();
  });
  Result<void> pumped = pump(out, err, on_output);
  thread.join();
  if (*status) TRY(std::move(pumped));
  return *std::move(status);
}

}  // namespace gantry::build
