// SPDX-License-Identifier: Apache-2.0
#include "runtime/exec.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/file.h"
#include "base/process.h"
#include "kernel/descriptors.h"
#include "kernel/namespaces.h"
#include "kernel/pidfd.h"
#include "kernel/pty.h"
#include "kernel/rooted_path.h"
#include "runtime/channel.h"
#include "runtime/kept_filter.h"
#include "runtime/namespace_plan.h"
#include "runtime/process_attributes.h"
#include "runtime/process_start.h"

namespace gantry::runtime {
namespace {

struct ExecPlan {
  const oci::Process& process;
  const oci::Spec& spec;
  ExecOptions options;
  std::string keyring;
  kernel::Cgroup& cgroup;
  pid_t init_pid;            // the container's first process
  UniqueFd init;             // its pidfd
  std::uint64_t namespaces;  // CLONE_NEW* of those that differ from the caller's
  std::optional<SeccompFilter> filter;
  UniqueFd seccomp_socket;
  const Log& log;

  // Whether something that takes the process's pid has to happen before its program runs.
  bool is_awaited() const { return !options.pid_file.empty() || seccomp_socket; }
};

// Those of the container's namespaces that this process is not in. Entering the user namespace that one
// is in already is an error to the kernel, and entering the others anew costs time; but those that were made
// for the container are others, without a look.
Result<std::uint64_t> differing_namespaces(pid_t init, const std::vector<oci::Namespace>& described) {
  constexpr std::uint64_t kAll[] = {CLONE_NEWNS,  CLONE_NEWPID,    CLONE_NEWNET,  CLONE_NEWUTS,
                                    CLONE_NEWIPC, CLONE_NEWCGROUP, CLONE_NEWUSER, CLONE_NEWTIME};
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const UniqueFd ours = TRY(open_at(AT_FDCWD, "/proc/self/ns", kFlags));
  const UniqueFd theirs = TRY(open_at(AT_FDCWD, fmt::format("/proc/{}/ns", init), kFlags));
  std::uint64_t differing = 0;
  for (const oci::Namespace& one : described)
    if (one.path.empty() && one.type != oci::NamespaceType::User) differing |= clone_flag(one.type);
  for (const std::uint64_t flag : kAll) {
    if ((differing & flag) != 0) continue;
    const std::string name(kernel::namespace_file(flag));
    struct stat own{}, other{};
    if (::fstatat(ours.get(), name.c_str(), &own, 0) < 0) {
      if (errno == ENOENT) continue;  // a kernel without this kind
      return sys_error("look at namespace '{}'", name);
    }
    if (::fstatat(theirs.get(), name.c_str(), &other, 0) < 0)
      return sys_error("look at namespace '{}' of process {}", name, init);
    if (own.st_ino != other.st_ino || own.st_dev != other.st_dev) differing |= flag;
  }
  return differing;
}

class ExecChild {
 public:
  ExecChild(ExecPlan& plan, const Channel& parent) : plan_(plan), parent_(parent) {}

  // `is_inside`: the stage below has done its part.
  [[noreturn]] void run(std::uint64_t namespaces, bool is_inside) {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    auto start = prepare(namespaces, is_inside);
    const Error failure = start ? start->run() : std::move(start).error();
    (void)parent_.send_failure(failure);  // a parent that has gone does not need to know
    ::_exit(1);
  }

  // Enters the user namespace, from which the others are entered, and leaves it to a child to be in
  // the pid namespace.
  [[noreturn]] void run_stage() {
    const auto stage = [&]() -> Result<void> {
      TRY(settle_outside());
      // The mount namespace is left to the child, which still needs the host's /proc for itself.
      const std::uint64_t mount = plan_.namespaces & CLONE_NEWNS;
      TRY(kernel::enter_namespace(plan_.init.get(), plan_.namespaces & ~mount));
      Gate gate = TRY(Gate::make());
      const pid_t pid = TRY(kernel::clone_process({.flags = CLONE_PARENT}));
      if (pid == 0) {
        gate.wait_as_child();
        run(mount, true);
      }
      return parent_.send(Signal::Pid, std::to_string(pid));
    };
    if (auto done = stage(); !done) {
      (void)parent_.send_failure(done.error());
      ::_exit(1);
    }
    ::_exit(0);
  }

 private:
  // What is done while the host's files are in view.
  Result<void> settle_outside() {
    if (const auto& score = plan_.process.oom_score_adj) TRY(set_oom_score_adj(0, *score, plan_.log));
    const auto& affinity = plan_.process.exec_cpu_affinity;
    if (affinity && !affinity->initial.empty())
      TRY(set_cpu_affinity(affinity->initial, "process.execCPUAffinity.initial"));
    return plan_.cgroup.join_self();
  }

  Result<ProcessStart> prepare(std::uint64_t namespaces, bool is_inside) {
    if (!is_inside) TRY(settle_outside());
    ProcessStart start = TRY(ProcessStart::open({.process = plan_.process,
                                                 .linux_ = plan_.spec.linux_,
                                                 .filter = plan_.filter,
                                                 .preserve_fds = plan_.options.preserve_fds,
                                                 .keyring = plan_.keyring,
                                                 .log = plan_.log}));
    // Nothing of the host comes along, not even as long as it takes to get to the program.
    std::vector<int> needed = start.descriptors();
    needed.insert(needed.end(), {parent_.fd(), plan_.init.get(), plan_.seccomp_socket.get(),
                                 plan_.options.console_socket.get()});
    TRY(kernel::close_all_but(3 + plan_.options.preserve_fds, std::move(needed)));
    if (namespaces != 0) TRY(kernel::enter_namespace(plan_.init.get(), namespaces));
    plan_.init.reset();
    if ((plan_.namespaces & CLONE_NEWUSER) != 0) TRY(become_root_inside());
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return sys_error("become undumpable");
    if (const auto& affinity = plan_.process.exec_cpu_affinity; affinity && !affinity->final.empty())
      TRY(set_cpu_affinity(affinity->final, "process.execCPUAffinity.final"));
    UniqueFd terminal;
    if (plan_.process.terminal) terminal = TRY(make_terminal());
    TRY(start.prepare(terminal.get()));
    if (::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0) return sys_error("outlive the runtime");
    if (!plan_.is_awaited()) return start;
    TRY(parent_.send(Signal::Ready));
    std::string listener_state = TRY(parent_.expect(Signal::Go));
    if (start.needs_listener())
      start.set_listener({std::move(plan_.seccomp_socket), std::move(listener_state)});
    return start;
  }

  Result<UniqueFd> make_terminal() {
    const kernel::RootDir root = TRY(kernel::RootDir::open("/"));
    UniqueFd ptmx = TRY(root.open_path("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
    kernel::Pty pty = TRY(kernel::open_pty(std::move(ptmx)));
    if (::fcntl(pty.master.get(), F_SETFL, O_RDWR) < 0) return sys_error("make the terminal blocking");
    if (const auto& size = plan_.process.console_size)
      TRY(kernel::set_window_size(pty.master.get(), static_cast<std::uint16_t>(size->height),
                                  static_cast<std::uint16_t>(size->width)));
    TRY(kernel::send_descriptor(plan_.options.console_socket.get(), pty.master.get(), "/dev/ptmx"));
    plan_.options.console_socket.reset();
    return std::move(pty.slave);
  }

  ExecPlan& plan_;
  const Channel& parent_;
};

bool is_in(std::string_view word, std::string_view list) {
  return fmt::format(",{},", list).find(fmt::format(",{},", word)) != std::string::npos;
}

// The container's groups, or those below them that --cgroup names.
Result<kernel::Cgroup> open_cgroup_for(const Container& container, const std::vector<std::string>& below) {
  kernel::Cgroup own = TRY(container.open_cgroup());
  if (below.empty()) return own;
  std::vector<kernel::CgroupPlace> places = own.places();
  for (const std::string& argument : below) {
    const std::size_t colon = argument.find(':');
    const std::string controllers = colon == std::string::npos ? "" : argument.substr(0, colon);
    const std::string path = "/" + argument.substr(colon + 1);  // npos + 1 is 0
    if ((path + "/").find("/../") != std::string::npos)
      return error(Code::InvalidArgument, "--cgroup: '{}' leads out of the container's group", argument);
    for (kernel::CgroupPlace& place : places)
      if (controllers.empty() || is_in(place.key, controllers)) place.path += path;
  }
  for (const kernel::CgroupPlace& place : places)
    if (::access(place.path.c_str(), F_OK) < 0) return sys_error("--cgroup: '{}'", place.path);
  return kernel::Cgroup::open(std::move(places));
}

// As it was compiled for the container's first process.
Result<std::optional<SeccompFilter>> filter_of(const Container& container, const oci::Linux& linux_,
                                               const Log& log) {
  if (linux_.seccomp)
    if (const auto bytes = container.load_filter())
      if (auto kept = seccomp_filter_from(*bytes)) return kept;
  return compile_filter(linux_, log);  // another version of this program may have created the container
}

// The v2 group that the first process has moved itself to, below the container's.
Result<UniqueFd> open_group_of_init(const ExecPlan& plan) {
  const std::string own = TRY(read_file(fmt::format("/proc/{}/cgroup", plan.init_pid)));
  const auto layout = kernel::CgroupLayout::parse(TRY(read_file("/proc/self/mountinfo")), own);
  const kernel::Hierarchy* v2 = layout.v2();
  const std::string path = v2 != nullptr && v2->own ? v2->mount + *v2->own : "";
  if (!path.starts_with(plan.cgroup.v2_place()->path + "/"))
    return error(Code::Conflict, "the container's first process is not in a control group of the container");
  return open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// Into the container's groups. A v2 group that gives controllers to groups below it takes no processes
// (cgroup-v2.rst, "No Internal Process Constraint"). Where that is so, the container's first process, systemd
// for one, has gone down to a group of its own, and so do we.
Result<pid_t> clone_into_groups(ExecPlan& plan) {
  auto pid = kernel::clone_process({.cgroup = plan.cgroup.into_cgroup_fd()});
  if (pid || pid.error().errno_value() != EBUSY || plan.cgroup.v2_place() == nullptr) return pid;
  const UniqueFd group = TRY_DURING(open_group_of_init(plan), "{}", pid.error().message());
  return kernel::clone_process({.cgroup = group.get()});
}

Result<ChildProcess> spawn(ExecPlan& plan, const Channel& ours, const Channel& theirs) {
  if ((plan.namespaces & CLONE_NEWUSER) != 0) {
    const pid_t stage = TRY(clone_into_groups(plan));
    if (stage == 0) ExecChild(plan, theirs).run_stage();
    ChildProcess stage_process(stage);
    ChildProcess process(std::atoi(TRY(ours.expect(Signal::Pid)).c_str()));
    TRY(stage_process.wait());
    return process;
  }
  // A pid namespace is only ever entered by children, so this one steps in for the moment of the clone.
  const bool has_pid = (plan.namespaces & CLONE_NEWPID) != 0;
  UniqueFd own_pid;
  if (has_pid) {
    own_pid = TRY(kernel::open_namespace("/proc/self/ns/pid", CLONE_NEWPID));
    TRY(kernel::enter_namespace(plan.init.get(), CLONE_NEWPID));
  }
  auto pid = clone_into_groups(plan);
  if (pid && *pid == 0) ExecChild(plan, theirs).run(plan.namespaces & ~std::uint64_t{CLONE_NEWPID}, false);
  if (has_pid) TRY(kernel::enter_namespace(own_pid.get(), CLONE_NEWPID));
  return ChildProcess(TRY(std::move(pid)));
}

Result<void> finish(pid_t pid, const ExecPlan& plan, const Container& container, const Channel& child) {
  if (!plan.is_awaited()) return child.wait_for_end();
  TRY(child.expect(Signal::Ready));
  if (!plan.options.pid_file.empty())
    TRY(replace_file_at(AT_FDCWD, plan.options.pid_file, std::to_string(pid), 0644));
  std::string listener_state;
  if (plan.seccomp_socket)
    listener_state = seccomp_listener_state(*plan.spec.linux_.seccomp, container.state(Status::Running), pid);
  TRY(child.send(Signal::Go, listener_state));
  return child.wait_for_end();
}

}  // namespace

Result<pid_t> exec_in_container(const Container& container, const oci::Process& process,
                                const oci::Spec& spec, ExecOptions options, const Log& log) {
  const Status status = container.status();
  if (status == Status::Paused && !options.ignore_paused)
    return error(Code::Conflict, "cannot exec in a paused container (use --ignore-paused to override): '{}'",
                 container.id());
  if (status != Status::Running && status != Status::Created && status != Status::Paused)
    return error(Code::Conflict, "cannot exec in a container that is {}: '{}'", name_of(status),
                 container.id());

  const ProcessRef& init = container.record().init;
  kernel::Cgroup cgroup = TRY(open_cgroup_for(container, options.sub_cgroups));
  TRY(cgroup.prepare_join());
  ExecPlan plan{.process = process,
                .spec = spec,
                .options = std::move(options),
                .cgroup = cgroup,
                .init_pid = init.pid,
                .log = log};
  plan.init = TRY(kernel::open_pidfd(init.pid, init.start_time));
  plan.namespaces = TRY(differing_namespaces(init.pid, spec.linux_.namespaces));
  plan.filter = TRY(filter_of(container, spec.linux_, log));
  if (plan.options.new_keyring) plan.keyring = "_ses." + container.id();
  if (spec.linux_.seccomp && !spec.linux_.seccomp->listener_path.empty())
    plan.seccomp_socket = TRY_DURING(kernel::connect_unix(spec.linux_.seccomp->listener_path, SOCK_STREAM),
                                     "linux.seccomp.listenerPath");
  give_streams_outside(spec.linux_.uid_mappings, process);
  auto [ours, theirs] = TRY(Channel::make_pair());
  ChildProcess child = TRY(spawn(plan, ours, theirs));
  {
    const Channel closed = std::move(theirs);
  }
  TRY(finish(child.pid(), plan, container, ours));
  return child.release();
}

}  // namespace gantry::runtime
