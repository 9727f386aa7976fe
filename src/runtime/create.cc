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
#include "runtime/kept_filter.h"
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

Result<ChildProcess> spawn_staged(InitPlan& plan, ContainerCgroup& cgroup, const Channel& ours,
                                  const Channel& theirs) {
  const NamespacePlan& namespaces = plan.namespaces;
  constexpr std::uint64_t kMadeLater =
      CLONE_NEWCGROUP | CLONE_NEWTIME;  // by the stage and by init themselves
  const std::uint64_t inner = namespaces.created & ~(kMadeLater | CLONE_NEWUSER);
  const pid_t stage =
      TRY(kernel::clone_process({.flags = namespaces.created & CLONE_NEWUSER, .cgroup = cgroup_fd(plan)}));
  if (stage == 0) run_stage(plan, theirs, inner);
  ChildProcess stage_process(stage);
  TRY(let_go(stage, plan, cgroup, ours));
  return ChildProcess(std::atoi(TRY(ours.expect(Signal::Pid)).c_str()));
}

Result<ChildProcess> spawn_init(InitPlan& plan, ContainerCgroup& cgroup, const Channel& ours,
                                const Channel& theirs) {
  const NamespacePlan& namespaces = plan.namespaces;
  if (namespaces.needs_stage()) return spawn_staged(plan, cgroup, ours, theirs);
  TRY(namespaces.enter_for_children());
  auto cloned =
      kernel::clone_process({.flags = namespaces.created & ~std::uint64_t{CLONE_NEWCGROUP | CLONE_NEWTIME},
                             .cgroup = cgroup_fd(plan)});
  if (cloned && *cloned == 0) run_container_init(plan, theirs, false);
  TRY(namespaces.leave_for_children());
  ChildProcess init(TRY(std::move(cloned)));
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

// What the first process will do, and what it needs from outside of the container for that.
Result<InitPlan> plan_init(CreateOptions& options, const oci::Spec& spec, const NamespacePlan& namespaces,
                           const BundlePaths& paths, NewContainer& made, const Log& log) {
  InitPlan plan{.spec = spec,
                .id = options.id,
                .bundle = paths.bundle,
                .root_path = paths.rootfs,
                .namespaces = namespaces,
                .cgroup = made.cgroup().group(),
                .cgroup_views = made.cgroup().views(),
                .state = made.container().state(Status::Creating),
                .console_socket = std::move(options.console_socket),
                .waits_for_scope = made.cgroup().is_made_around_process(),
                .no_pivot = options.no_pivot,
                .new_keyring = options.new_keyring,
                .preserve_fds = options.preserve_fds,
                .log = log};
  plan.bind_sources.resize(spec.mounts.size());
  if (has_effective(CAP_SYS_ADMIN)) plan.bind_sources = TRY(open_sources_for(spec, paths.bundle, namespaces));
  if (options.wait_for_start) plan.start_socket = TRY(made.container().listen_for_start());
  plan.filter = TRY(compile_filter(spec.linux_, log));
  if (plan.filter) TRY(made.container().save_filter(to_bytes(*plan.filter)));
  if (spec.linux_.seccomp && !spec.linux_.seccomp->listener_path.empty())
    plan.seccomp_socket = TRY_DURING(kernel::connect_unix(spec.linux_.seccomp->listener_path, SOCK_STREAM),
                                     "linux.seccomp.listenerPath");
  return plan;
}

// What is done to the first process from outside, while it goes on.
Result<void> settle(const ChildProcess& init, InitPlan& plan, Container& container, const Log& log) {
  log.debug(fmt::format("first process of '{}' is {}", container.id(), init.pid()));
  plan.state.pid = init.pid();
  container.record().init = ProcessRef::of(init.pid());
  const oci::Spec& spec = plan.spec;
  if (spec.process->oom_score_adj) TRY(set_oom_score_adj(init.pid(), *spec.process->oom_score_adj, log));
  if (!spec.linux_.net_devices.empty()) TRY(give_net_devices(spec, plan.namespaces, init.pid()));
  return {};
}

// Until the first process has nothing left to do but start the program. On the way it may ask for hooks.
Result<void> wait_until_ready(const Channel& channel, ChildProcess& init, const InitPlan& plan,
                              NewContainer& made, const Log& log) {
  auto message = channel.receive();
  if (message && message->signal == Signal::Hooks) {
    made.run_poststop_hooks(log);
    TRY(made.container().save());  // so that a hook that asks for the state sees the pid
    TRY(run_hooks("prestart", plan.spec.hooks.prestart, plan.state));
    TRY(run_hooks("createRuntime", plan.spec.hooks.create_runtime, plan.state));
    TRY(channel.send(Signal::Go, std::to_string(init.pid())));
    message = channel.receive();
  }
  if (!message && message.error().code() == Code::Unavailable)
    return error(Code::Unavailable, "the container's first process ended before it was ready: {}",
                 reason_of_end(init));
  if (TRY(std::move(message)).signal != Signal::Ready)
    return error(Code::Internal, "unexpected message from the first process");
  return {};
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
  NewContainer made = TRY(NewContainer::begin({.root = options.root,
                                               .id = options.id,
                                               .paths = paths,
                                               .config_json = config_json,
                                               .spec = spec,
                                               .namespaces = namespaces,
                                               .systemd_cgroup = options.systemd_cgroup},
                                              log));
  InitPlan plan = TRY(plan_init(options, spec, namespaces, paths, made, log));
  if (spec.process) give_streams_outside(spec.linux_.uid_mappings, *spec.process);
  auto [ours, theirs] = TRY(Channel::make_pair());
  ChildProcess init = TRY(spawn_init(plan, made.cgroup(), ours, theirs));
  {
    const Channel closed = std::move(theirs);
  }  // the child has its own; end of file must mean its end
  plan.start_socket.reset();
  TRY(settle(init, plan, made.container(), log));
  TRY(wait_until_ready(ours, init, plan, made, log));
  TRY(made.complete(options.pid_file));
  plan.state.status = name_of(Status::Created);
  TRY(ours.send(Signal::Go, spec.linux_.seccomp
                                ? seccomp_listener_state(*spec.linux_.seccomp, plan.state, plan.state.pid)
                                : ""));
  Container container = made.keep(std::move(init));
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
