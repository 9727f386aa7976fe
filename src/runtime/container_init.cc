// SPDX-License-Identifier: Apache-2.0
#include "runtime/container_init.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "kernel/descriptors.h"
#include "kernel/namespaces.h"
#include "kernel/pty.h"
#include "kernel/rooted_path.h"
#include "runtime/hooks.h"
#include "runtime/process_attributes.h"
#include "runtime/process_start.h"

namespace gantry::runtime {
namespace {

Result<void> bring_loopback_up() {
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return sys_error("make socket");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) < 0) return sys_error("bring loopback interface up");
  return {};
}

Result<void> set_names(const oci::Spec& spec) {
  if (!spec.hostname.empty() && ::sethostname(spec.hostname.data(), spec.hostname.size()) < 0)
    return sys_error("hostname: set '{}'", spec.hostname);
  if (!spec.domainname.empty() && ::setdomainname(spec.domainname.data(), spec.domainname.size()) < 0)
    return sys_error("domainname: set '{}'", spec.domainname);
  return {};
}

// Through the host's /proc, before the container's own exists: what is written there is decided by
// the namespaces of the writer, and no image can have put another file in its place.
Result<void> set_sysctls(const oci::StringMap& sysctls) {
  if (sysctls.empty()) return {};
  const kernel::RootDir proc_sys = TRY(kernel::RootDir::open("/proc/sys"));
  for (const auto& [name, value] : sysctls) {
    UniqueFd file =
        TRY_DURING(proc_sys.open_without_links(oci::sysctl_path(name), O_WRONLY), "linux.sysctl '{}'", name);
    TRY_DURING(write_all(file.get(), value, name), "linux.sysctl '{}'", name);
  }
  return {};
}

// The working directory of an image need not exist (runc and its callers count on that).
Result<void> make_working_directory(const std::string& cwd) {
  struct stat st{};
  if (::stat(cwd.c_str(), &st) == 0) return {};
  return make_directories(cwd, 0755);
}

class Init {
 public:
  Init(InitPlan& plan, const Channel& parent, bool in_stage)
      : plan_(plan), parent_(parent), in_stage_(in_stage) {}

  // Only an error comes back.
  Error run() {
    auto start = prepare();
    if (!start) return std::move(start).error();
    if (auto waited = wait_for_go(*start); !waited) return std::move(waited).error();
    Channel starter(UniqueFd{});
    if (plan_.start_socket) {
      auto accepted = wait_for_start();
      if (!accepted) return std::move(accepted).error();
      starter = std::move(*accepted);
    }
    Error failure = start_program(*start);
    if (starter.fd() >= 0) (void)starter.send_failure(failure);  // whoever started us may be gone
    return failure;
  }

 private:
  Result<void> enter_namespaces() {
    const NamespacePlan& namespaces = plan_.namespaces;
    if (!in_stage_ && plan_.begins_held()) TRY(parent_.expect(Signal::Go));
    if (!in_stage_ && namespaces.creates(CLONE_NEWUSER)) TRY(become_root_inside());
    if (plan_.cgroup != nullptr) TRY(plan_.cgroup->join_self());
    TRY(namespaces.enter_rest(in_stage_));
    // Its root is where the process is, so only now.
    if (namespaces.creates(CLONE_NEWCGROUP)) TRY(kernel::unshare_namespaces(CLONE_NEWCGROUP));
    if (namespaces.creates(CLONE_NEWNET)) TRY(bring_loopback_up());
    return {};
  }

  Result<UniqueFd> make_console(const Rootfs& rootfs) {
    UniqueFd slave;
    const oci::Process& process = *plan_.spec.process;
    UniqueFd master = TRY(rootfs.open_console(slave));
    if (process.console_size)
      TRY(kernel::set_window_size(master.get(), static_cast<std::uint16_t>(process.console_size->height),
                                  static_cast<std::uint16_t>(process.console_size->width)));
    TRY(kernel::send_descriptor(plan_.console_socket.get(), master.get(), "/dev/ptmx"));
    plan_.console_socket.reset();
    return slave;
  }

  Result<void> run_early_hooks() {
    const oci::Hooks& hooks = plan_.spec.hooks;
    if (hooks.prestart.empty() && hooks.create_runtime.empty() && hooks.create_container.empty()) return {};
    TRY(parent_.send(Signal::Hooks));
    plan_.state.pid = std::atoi(TRY(parent_.expect(Signal::Go)).c_str());
    return run_hooks("createContainer", hooks.create_container, plan_.state);
  }

  Result<UniqueFd> enter_root() {
    UniqueFd terminal;
    const oci::Process& process = *plan_.spec.process;
    if (!plan_.namespaces.creates(CLONE_NEWNS)) {
      TRY(run_early_hooks());
      if (::chroot(plan_.root_path.c_str()) < 0) return sys_error("chroot to '{}'", plan_.root_path);
      return terminal;
    }
    const RootfsPlan rootfs_plan{
        .spec = plan_.spec,
        .root_path = plan_.root_path,
        .bundle = plan_.bundle,
        .cgroups = plan_.cgroup_views,
        .sources = plan_.bind_sources,
        .can_make_devices = !plan_.namespaces.has_user_namespace() && !kernel::is_in_user_namespace(),
        .no_pivot = plan_.no_pivot,
        .log = plan_.log};
    Rootfs rootfs = TRY(Rootfs::assemble(rootfs_plan));
    if (process.terminal) terminal = TRY(make_console(rootfs));
    TRY(run_early_hooks());
    TRY(rootfs.enter());
    return terminal;
  }

  Result<ProcessStart> prepare() {
    const oci::Spec& spec = plan_.spec;
    TRY(enter_namespaces());
    TRY(set_names(spec));
    TRY(set_sysctls(spec.linux_.sysctl));
    if (spec.linux_.memory_policy) TRY(set_memory_policy(*spec.linux_.memory_policy));
    ProcessStart start = TRY(ProcessStart::open({.process = *spec.process,
                                                 .linux_ = spec.linux_,
                                                 .filter = plan_.filter,
                                                 .preserve_fds = plan_.preserve_fds,
                                                 .keyring = plan_.new_keyring ? "_ses." + plan_.id : "",
                                                 .log = plan_.log}));
    UniqueFd terminal = TRY(enter_root());
    TRY_DURING(make_working_directory(spec.process->cwd), "process.cwd");
    TRY(start.prepare(terminal.get()));
    return start;
  }

  Result<void> wait_for_go(ProcessStart& start) {
    // What is left of the host goes before anybody else can be in the container.
    std::vector<int> needed = start.descriptors();
    needed.insert(needed.end(), {parent_.fd(), plan_.start_socket.get(), plan_.seccomp_socket.get()});
    TRY(kernel::close_all_but(3 + plan_.preserve_fds, std::move(needed)));
    // From here on the container lives without the process that made it.
    if (::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0) return sys_error("outlive the runtime");
    TRY(parent_.send(Signal::Ready));
    std::string listener_state = TRY(parent_.expect(Signal::Go));
    if (start.needs_listener())
      start.set_listener({std::move(plan_.seccomp_socket), std::move(listener_state)});
    return {};
  }

  Result<Channel> wait_for_start() {
    for (;;) {
      UniqueFd connection(::accept4(plan_.start_socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection && errno == EINTR) continue;
      if (!connection) return sys_error("wait for 'start'");
      Channel starter(std::move(connection));
      TRY(starter.expect(Signal::Go));
      plan_.start_socket.reset();
      return starter;
    }
  }

  Error start_program(ProcessStart& start) {
    plan_.state.status = "created";
    if (auto ran = run_hooks("startContainer", plan_.spec.hooks.start_container, plan_.state); !ran)
      return std::move(ran).error();
    return start.run();
  }

  InitPlan& plan_;
  const Channel& parent_;
  const bool in_stage_;
};

}  // namespace

void run_container_init(InitPlan& plan, const Channel& parent, bool in_stage) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // a convenience: the channel's end says the same later
  const Error failure = Init(plan, parent, in_stage).run();
  (void)parent.send_failure(failure);  // after `create` has ended there is nobody to tell
  ::_exit(1);
}

void run_stage(InitPlan& plan, const Channel& parent, std::uint64_t clone_flags) {
  const auto stage = [&]() -> Result<void> {
    const NamespacePlan& namespaces = plan.namespaces;
    if (plan.begins_held()) TRY(parent.expect(Signal::Go));
    if (const JoinedNamespace* user = namespaces.find_joined(CLONE_NEWUSER))
      TRY(kernel::enter_namespace(user->fd.get(), CLONE_NEWUSER));
    // As root of the user namespace, but still readable: its own /proc files are needed below.
    TRY(become_root_inside());
    // A change of user made it undumpable, and then its own /proc files belong to the host's root.
    if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0) return sys_error("become dumpable");
    TRY(namespaces.enter_for_children());
    Gate gate = TRY(Gate::make());
    // CLONE_PARENT: the container's first process becomes a child of the runtime itself.
    const pid_t pid = TRY(kernel::clone_process({.flags = clone_flags | CLONE_PARENT}));
    if (pid == 0) {
      if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) ::_exit(1);
      gate.wait_as_child();
      run_container_init(plan, parent, true);
    }
    return parent.send(Signal::Pid, std::to_string(pid));
  };
  if (auto done = stage(); !done) {
    (void)parent.send_failure(done.error());
    ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace gantry::runtime
