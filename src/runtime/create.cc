// SPDX-License-Identifier: Apache-2.0
#include "runtime/create.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "kernel/capabilities.h"
#include "kernel/namespaces.h"
#include "kernel/pidfd.h"
#include "kernel/pty.h"
#include "runtime/container_cgroup.h"
#include "runtime/container_init.h"
#include "runtime/hooks.h"
#include "runtime/namespace_plan.h"
#include "runtime/net_devices.h"
#include "runtime/new_container.h"
#include "runtime/process_attributes.h"
#include "runtime/process_start.h"

namespace gantry::runtime {
namespace {

// What no field alone shows, and what this host cannot do.
Result<void> check(const oci::Spec& spec, const NamespacePlan& namespaces) {
  if (!spec.process) return error(Code::InvalidArgument, "process: is missing");
  const bool has_own_mounts = namespaces.creates(CLONE_NEWNS);
  if (!has_own_mounts &&
      (!spec.mounts.empty() || !spec.linux_.masked_paths.empty() || !spec.linux_.readonly_paths.empty() ||
       spec.root.readonly || spec.process->terminal))
    return error(
        Code::InvalidArgument,
        "linux.namespaces: mounts, masked and read-only paths and a terminal need a new mount namespace");
  if (!spec.linux_.mount_label.empty() && ::access("/sys/fs/selinux/enforce", F_OK) != 0)
    return error(Code::Unsupported, "linux.mountLabel: is asked for, but SELinux is not enabled");
  if (spec.linux_.intel_rdt)
    return error(Code::Unsupported, "linux.intelRdt: this runtime does not support it");
  return {};
}

bool has_effective(unsigned capability) {
  const auto effective = kernel::effective_capabilities();
  return effective && (*effective & kernel::capability_bit(capability)) != 0;
}

int cgroup_fd(const InitPlan& plan) { return plan.cgroup == nullptr ? -1 : plan.cgroup->into_cgroup_fd(); }

// What the process (the stage, where there is one) waits for.
Result<void> let_go(pid_t pid, const InitPlan& plan, ContainerCgroup& cgroup, const Channel& child) {
  if (!plan.begins_held()) return {};
  if (plan.namespaces.creates(CLONE_NEWUSER)) TRY(kernel::write_id_maps(pid, plan.namespaces.maps));
  if (plan.waits_for_scope) TRY(cgroup.create_around(pid));
  return child.send(Signal::Go);
}

Result<InitProcess> spawn_staged(InitPlan& plan, ContainerCgroup& cgroup, const Channel& ours,
                                 const Channel& theirs) {
  const NamespacePlan& namespaces = plan.namespaces;
  constexpr std::uint64_t kMadeLater =
      CLONE_NEWCGROUP | CLONE_NEWTIME;  // by the stage and by init themselves
  const std::uint64_t inner = namespaces.created & ~(kMadeLater | CLONE_NEWUSER);
  const pid_t stage =
      TRY(kernel::clone_process({.flags = namespaces.created & CLONE_NEWUSER, .cgroup = cgroup_fd(plan)}));
  if (stage == 0) run_stage(plan, theirs, inner);
  InitProcess stage_process(stage);
  TRY(let_go(stage, plan, cgroup, ours));
  return InitProcess(std::atoi(TRY(ours.expect(Signal::Pid)).c_str()));
}

Result<InitProcess> spawn_init(InitPlan& plan, ContainerCgroup& cgroup, const Channel& ours,
                               const Channel& theirs) {
  const NamespacePlan& namespaces = plan.namespaces;
  if (namespaces.needs_stage()) return spawn_staged(plan, cgroup, ours, theirs);
  TRY(namespaces.enter_for_children());
  auto cloned =
      kernel::clone_process({.flags = namespaces.created & ~std::uint64_t{CLONE_NEWCGROUP | CLONE_NEWTIME},
                             .cgroup = cgroup_fd(plan)});
  if (cloned && *cloned == 0) run_container_init(plan, theirs, false);
  TRY(namespaces.leave_for_children());
  InitProcess init(TRY(std::move(cloned)));
  TRY(let_go(init.pid(), plan, cgroup, ours));
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

}  // namespace

Result<std::pair<std::string, oci::Spec>> load_bundle(const std::string& bundle) {
  const std::string path = bundle + "/config.json";
  std::string text = TRY(read_file(path));
  oci::Spec spec = TRY_DURING(oci::parse_spec(text), "{}", path);
  return std::pair(std::move(text), std::move(spec));
}

Result<CreatedContainer> create_container(CreateOptions options, const std::string& config_json,
                                          oci::Spec spec, const Log& log) {
  const NamespacePlan namespaces = TRY(NamespacePlan::make(spec));
  TRY(check(spec, namespaces));
  const BundlePaths paths = TRY(BundlePaths::find(options.bundle, spec));

  Container container = TRY(Container::create(options.root, options.id));
  RecordGuard guard(container);
  container.record() = new_record(options.id, spec, namespaces, paths);
  ContainerCgroup cgroup = TRY(ContainerCgroup::plan(spec, options.id, options.systemd_cgroup, log));
  cgroup.describe(container.record());
  TRY(container.save());  // from here on `delete --force` finds whatever is left of us
  TRY(container.save_config(config_json));
  if (!cgroup.is_made_around_process()) TRY(cgroup.create());

  auto [ours, theirs] = TRY(Channel::make_pair());
  InitPlan plan{.spec = spec,
                .id = options.id,
                .bundle = paths.bundle,
                .root_path = paths.rootfs,
                .namespaces = namespaces,
                .cgroup = cgroup.group(),
                .cgroup_views = cgroup.views(),
                .state = container.state(Status::Creating),
                .console_socket = std::move(options.console_socket),
                .waits_for_scope = cgroup.is_made_around_process(),
                .no_pivot = options.no_pivot,
                .new_keyring = options.new_keyring,
                .preserve_fds = options.preserve_fds,
                .log = log};
  plan.bind_sources.resize(spec.mounts.size());
  if (has_effective(CAP_SYS_ADMIN)) plan.bind_sources = TRY(open_sources_for(spec, paths.bundle, namespaces));
  if (options.wait_for_start) plan.start_socket = TRY(container.listen_for_start());
  if (spec.linux_.seccomp && !spec.linux_.seccomp->listener_path.empty())
    plan.seccomp_socket = TRY_DURING(kernel::connect_unix(spec.linux_.seccomp->listener_path, SOCK_STREAM),
                                     "linux.seccomp.listenerPath");

  InitProcess init = TRY(spawn_init(plan, cgroup, ours, theirs));
  {
    const Channel closed = std::move(theirs);
  }  // the child has its own; end of file must mean its end
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
    return error(Code::Unavailable, "the container's first process ended before it was ready: {}",
                 init.reap());
  if (TRY(std::move(message)).signal != Signal::Ready)
    return error(Code::Internal, "unexpected message from the first process");
  TRY(write_pid_file(options.pid_file, init.pid()));
  container.record().is_created = true;
  TRY(container.save());
  plan.state.status = name_of(Status::Created);
  TRY(ours.send(Signal::Go, spec.linux_.seccomp
                                ? seccomp_listener_state(*spec.linux_.seccomp, plan.state, plan.state.pid)
                                : ""));
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
