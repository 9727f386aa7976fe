// SPDX-License-Identifier: Apache-2.0
#include "runtime/create.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "base/file.h"
#include "base/timestamp.h"
#include "kernel/capabilities.h"
#include "kernel/namespaces.h"
#include "kernel/pidfd.h"
#include "kernel/pty.h"
#include "runtime/container_cgroup.h"
#include "runtime/container_init.h"
#include "runtime/hooks.h"
#include "runtime/namespace_plan.h"
#include "runtime/net_devices.h"
#include "runtime/process_attributes.h"
#include "runtime/process_start.h"

namespace gantry::runtime {
namespace {

// What no field alone shows, and what this host cannot do.
Result<void> check(const oci::Spec& spec, const NamespacePlan& namespaces) {
  if (!spec.process) return error(Code::InvalidArgument, "process: is missing");
  const bool has_own_mounts = namespaces.creates(CLONE_NEWNS);
  if (!has_own_mounts && (!spec.mounts.empty() || !spec.linux_.masked_paths.empty() ||
                          !spec.linux_.readonly_paths.empty() || spec.root.readonly || spec.process->terminal))
    return error(Code::InvalidArgument,
                 "linux.namespaces: mounts, masked and read-only paths and a terminal need a new mount namespace");
  if (!spec.linux_.mount_label.empty() && ::access("/sys/fs/selinux/enforce", F_OK) != 0)
    return error(Code::Unsupported, "linux.mountLabel: is asked for, but SELinux is not enabled");
  if (spec.linux_.intel_rdt)
    return error(Code::Unsupported, "linux.intelRdt: this runtime does not support it");
  return {};
}

std::string absolute(const std::string& path, const std::string& base) {
  return path.starts_with('/') ? path : base + "/" + path;
}

Result<std::string> real_path(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return sys_error("find '{}'", path);
  std::string result = real;
  std::free(real);
  return result;
}

bool has_effective(unsigned capability) {
  const auto effective = kernel::effective_capabilities();
  return effective && (*effective & kernel::capability_bit(capability)) != 0;
}

// Ends and reaps the first process unless it is handed on.
class InitProcess {
 public:
  explicit InitProcess(pid_t pid) : pid_(pid) {}
  InitProcess(InitProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  InitProcess& operator=(InitProcess&&) = delete;
  ~InitProcess() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGKILL);  // our own child: the pid cannot be another's before it is reaped
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  pid_t pid() const { return pid_; }

  // Reaps it. Why it ended without a word of its own; with its memory limit reached it has none.
  std::string reap() {
    int status = 0;
    while (::waitpid(std::exchange(pid_, -1), &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFSIGNALED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
    if (WTERMSIG(status) == SIGKILL) return "killed, perhaps because its memory limit is too small";
    return fmt::format("signal {}", WTERMSIG(status));
  }
  pid_t release() { return std::exchange(pid_, -1); }

 private:
  pid_t pid_;
};

// A directory entry of a container that did not come to be.
class RecordGuard {
 public:
  explicit RecordGuard(Container& container) : container_(&container) {}
  RecordGuard(const RecordGuard&) = delete;
  RecordGuard& operator=(const RecordGuard&) = delete;
  ~RecordGuard() {
    if (container_ == nullptr) return;
    (void)container_->remove();  // the first error is the one to report
    if (hooks_log_ != nullptr) run_poststop(*container_, *hooks_log_);
  }
  // Once hooks have run for the container, others may have something to take back (config.md, "Lifecycle").
  void run_poststop_hooks(const Log& log) { hooks_log_ = &log; }
  void release() { container_ = nullptr; }

 private:
  Container* container_;
  const Log* hooks_log_ = nullptr;
};

int cgroup_fd(const InitPlan& plan) { return plan.cgroup == nullptr ? -1 : plan.cgroup->into_cgroup_fd(); }

Result<InitProcess> spawn_staged(InitPlan& plan, const Channel& ours, const Channel& theirs) {
  const NamespacePlan& namespaces = plan.namespaces;
  constexpr std::uint64_t kMadeLater = CLONE_NEWCGROUP | CLONE_NEWTIME;  // by the stage and by init themselves
  const std::uint64_t inner = namespaces.created & ~(kMadeLater | CLONE_NEWUSER);
  const pid_t stage = TRY(kernel::clone_process(
      {.flags = namespaces.created & CLONE_NEWUSER, .cgroup = cgroup_fd(plan)}));
  if (stage == 0) run_stage(plan, theirs, inner);
  InitProcess stage_process(stage);
  if (namespaces.creates(CLONE_NEWUSER)) {
    TRY(kernel::write_id_maps(stage, namespaces.maps));
    TRY(ours.send(Signal::Go));
  }
  return InitProcess(std::atoi(TRY(ours.expect(Signal::Pid)).c_str()));
}

Result<InitProcess> spawn_init(InitPlan& plan, const Channel& ours, const Channel& theirs) {
  const NamespacePlan& namespaces = plan.namespaces;
  if (namespaces.needs_stage()) return spawn_staged(plan, ours, theirs);
  TRY(namespaces.enter_for_children());
  auto cloned = kernel::clone_process({.flags = namespaces.created & ~std::uint64_t{CLONE_NEWCGROUP | CLONE_NEWTIME},
                                       .cgroup = cgroup_fd(plan)});
  if (cloned && *cloned == 0) run_container_init(plan, theirs, false);
  TRY(namespaces.leave_for_children());
  InitProcess init(TRY(std::move(cloned)));
  if (namespaces.creates(CLONE_NEWUSER)) {
    TRY(kernel::write_id_maps(init.pid(), namespaces.maps));
    TRY(ours.send(Signal::Go));
  }
  return init;
}

// What a user namespace has no right to: sources its root may not reach, and mapping ids. Without
// privileges here, the first process does what it can as root of its own user namespace.
Result<std::vector<std::optional<kernel::DetachedMount>>> open_sources_for(const oci::Spec& spec,
                                                                          const std::string& bundle,
                                                                          const NamespacePlan& namespaces) {
  const bool has_user_namespace = namespaces.has_user_namespace();
  if (!has_user_namespace && std::ranges::none_of(spec.mounts, maps_ids))
    return std::vector<std::optional<kernel::DetachedMount>>(spec.mounts.size());
  UniqueFd made;
  int user_namespace = -1;
  if (const JoinedNamespace* joined = namespaces.find_joined(CLONE_NEWUSER)) {
    user_namespace = joined->fd.get();
  } else if (has_user_namespace && std::ranges::any_of(spec.mounts, maps_ids)) {
    made = TRY(kernel::make_user_namespace(namespaces.maps));
    user_namespace = made.get();
  }
  return open_bind_sources(spec, bundle, user_namespace);
}

Result<void> give_net_devices(const oci::Spec& spec, const NamespacePlan& namespaces, pid_t init) {
  if (const JoinedNamespace* joined = namespaces.find_joined(CLONE_NEWNET))
    return move_net_devices(spec.linux_.net_devices, joined->fd.get());
  if (!namespaces.creates(CLONE_NEWNET))
    return error(Code::InvalidArgument, "linux.netDevices: need a network namespace of the container's own");
  UniqueFd made = TRY(kernel::open_namespace(fmt::format("/proc/{}/ns/net", init), CLONE_NEWNET));
  return move_net_devices(spec.linux_.net_devices, made.get());
}

Result<void> run_runtime_hooks(const Channel& init, const oci::Spec& spec, const oci::State& state) {
  TRY(run_hooks("prestart", spec.hooks.prestart, state));
  TRY(run_hooks("createRuntime", spec.hooks.create_runtime, state));
  return init.send(Signal::Go, std::to_string(state.pid));
}

Result<void> write_pid_file(const std::string& path, pid_t pid) {
  if (path.empty()) return {};
  return replace_file_at(AT_FDCWD, path, std::to_string(pid), 0644);
}

Record make_record(const CreateOptions& options, const oci::Spec& spec, const NamespacePlan& namespaces,
                   const std::string& bundle, const std::string& root_path) {
  return {.oci_version = spec.oci_version,
          .id = options.id,
          .bundle = bundle,
          .rootfs = root_path,
          .created = format_timestamp(wall_clock_now()),
          .owner = ::geteuid(),
          .creator = ProcessRef::of(::getpid()),
          .has_pid_namespace = namespaces.creates(CLONE_NEWPID),
          .annotations = spec.annotations,
          .poststart = spec.hooks.poststart,
          .poststop = spec.hooks.poststop};
}

}  // namespace

Result<std::pair<std::string, oci::Spec>> load_bundle(const std::string& bundle) {
  const std::string path = bundle + "/config.json";
  std::string text = TRY(read_file(path));
  oci::Spec spec = TRY_DURING(oci::parse_spec(text), "{}", path);
  return std::pair(std::move(text), std::move(spec));
}

Result<CreatedContainer> create_container(CreateOptions options, const std::string& config_json, oci::Spec spec,
                                          const Log& log) {
  const NamespacePlan namespaces = TRY(NamespacePlan::make(spec));
  TRY(check(spec, namespaces));
  const std::string bundle = TRY(real_path(options.bundle));
  const std::string root_path = TRY_DURING(real_path(absolute(spec.root.path, bundle)), "root.path");

  Container container = TRY(Container::create(options.root, options.id));
  RecordGuard guard(container);
  container.record() = make_record(options, spec, namespaces, bundle, root_path);
  ContainerCgroup cgroup = TRY(ContainerCgroup::plan(spec, options.id, options.systemd_cgroup, log));
  cgroup.describe(container.record());
  TRY(container.save());  // from here on `delete --force` finds whatever is left of us
  TRY(container.save_config(config_json));
  TRY(cgroup.create());

  auto [ours, theirs] = TRY(Channel::make_pair());
  InitPlan plan{.spec = spec,
                .id = options.id,
                .bundle = bundle,
                .root_path = root_path,
                .namespaces = namespaces,
                .cgroup = cgroup.group(),
                .cgroup_views = cgroup.views(),
                .state = container.state(Status::Creating),
                .console_socket = std::move(options.console_socket),
                .no_pivot = options.no_pivot,
                .new_keyring = options.new_keyring,
                .preserve_fds = options.preserve_fds,
                .log = log};
  plan.bind_sources.resize(spec.mounts.size());
  if (has_effective(CAP_SYS_ADMIN)) plan.bind_sources = TRY(open_sources_for(spec, bundle, namespaces));
  if (options.wait_for_start) plan.start_socket = TRY(container.listen_for_start());
  if (spec.linux_.seccomp && !spec.linux_.seccomp->listener_path.empty())
    plan.seccomp_socket = TRY_DURING(kernel::connect_unix(spec.linux_.seccomp->listener_path, SOCK_STREAM),
                                     "linux.seccomp.listenerPath");

  InitProcess init = TRY(spawn_init(plan, ours, theirs));
  { const Channel closed = std::move(theirs); }  // the child has its own; end of file must mean its end
  log.debug(fmt::format("first process of '{}' is {}", container.id(), init.pid()));
  plan.start_socket.reset();
  plan.state.pid = init.pid();
  container.record().init = ProcessRef::of(init.pid());
  if (spec.process->oom_score_adj) TRY(set_oom_score_adj(init.pid(), *spec.process->oom_score_adj, log));
  if (!spec.linux_.net_devices.empty()) TRY(give_net_devices(spec, namespaces, init.pid()));

  auto message = ours.receive();
  if (message && message->signal == Signal::Hooks) {
    guard.run_poststop_hooks(log);
    TRY(container.save());  // so that a hook that asks for the state sees the pid
    TRY(run_runtime_hooks(ours, spec, plan.state));
    message = ours.receive();
  }
  if (!message && message.error().code() == Code::Unavailable)
    return error(Code::Unavailable, "the container's first process ended before it was ready: {}", init.reap());
  if (TRY(std::move(message)).signal != Signal::Ready)
    return error(Code::Internal, "unexpected message from the first process");
  TRY(write_pid_file(options.pid_file, init.pid()));
  container.record().is_created = true;
  TRY(container.save());
  plan.state.status = name_of(Status::Created);
  TRY(ours.send(Signal::Go, spec.linux_.seccomp ? seccomp_listener_state(*spec.linux_.seccomp, plan.state, plan.state.pid) : ""));
  (void)init.release();
  cgroup.keep();
  guard.release();
  return CreatedContainer{std::move(container), std::move(spec), std::move(ours)};
}

void run_poststop(const Container& container, const Log& log) {
  // Each by itself: the failure of one keeps neither the others nor the runtime from going on.
  for (const oci::Hook& hook : container.record().poststop)
    if (auto done = run_hooks("poststop", {hook}, container.state(Status::Stopped)); !done)
      log.warn(done.error().message());
}

Result<void> run_poststart_hooks(const Container& container) {
  return run_hooks("poststart", container.record().poststart, container.state(Status::Running));
}

}  // namespace gantry::runtime
