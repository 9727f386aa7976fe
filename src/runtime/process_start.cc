// SPDX-License-Identifier: Apache-2.0
#include "runtime/process_start.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/file.h"
#include "base/json.h"
#include "base/printable.h"
#include "kernel/pty.h"
#include "kernel/rooted_path.h"
#include "kernel/seccomp.h"
#include "runtime/passwd.h"
#include "runtime/process_attributes.h"

namespace gantry::runtime {
namespace {

using kernel::CapabilityMask;

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_app_armor_enabled() {
  const auto enabled = read_file("/sys/module/apparmor/parameters/enabled");
  return enabled && enabled->starts_with('Y');
}

bool is_selinux_enabled() { return ::access("/sys/fs/selinux/enforce", F_OK) == 0; }

// A private session keyring, so that keys of the runtime's caller are out of reach.
void join_keyring(const std::string& name, const Log& log) {
  if (name.empty()) return;
  const long keyring = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.c_str(), 0, 0, 0);
  // What a new one has by default, and that its user may search it: by that, `exec` finds it again by name.
  constexpr std::uint32_t kPossessorAll = 0x3f000000, kUserView = 0x00010000, kUserRead = 0x00020000,
                          kUserSearch = 0x00080000, kUserLink = 0x00100000;
  if (keyring >= 0 && ::syscall(SYS_keyctl, KEYCTL_SETPERM, keyring,
                                kPossessorAll | kUserView | kUserRead | kUserSearch | kUserLink, 0, 0) == 0)
    return;
  if (errno == ENOSYS) return;  // a kernel without keys has none to protect
  if (keyring >= 0 && errno == EACCES)
    return;  // joined an old one that somebody else owns: `exec` as another user
  log.warn(fmt::format("the container keeps the caller's session keyring: {}", describe_errno(errno)));
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal)
    (void)::signal(signal, SIG_DFL);  // fails for SIGKILL and SIGSTOP
  sigset_t none;
  sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::string_view variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment)
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name))
      return std::string_view(entry).substr(name.size() + 1);
  return {};
}

}  // namespace

void give_streams_to(uid_t uid) {
  for (int fd = 0; fd <= 2; ++fd) {
    struct stat st{};
    if (::fstat(fd, &st) < 0 || st.st_uid == uid) continue;
    if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) continue;
    (void)::fchown(fd, uid, st.st_gid);  // it may be on a read-only file system, or its owner unmapped
  }
}

void give_streams_outside(const std::vector<oci::IdMapping>& uids, const oci::Process& process) {
  if (process.terminal) return;
  for (const oci::IdMapping& map : uids)
    if (process.user.uid >= map.container_id && process.user.uid - map.container_id < map.size)
      give_streams_to(map.host_id + (process.user.uid - map.container_id));
}

// ContainerProcessState (runtime-spec, config-linux.md, "The Container Process State").
std::string seccomp_listener_state(const oci::Seccomp& seccomp, const oci::State& state, pid_t pid) {
  json::Writer w;
  w.begin_object().key("ociVersion").value(state.oci_version);
  w.key("fds").begin_array().value("seccompFd").end_array();
  w.key("pid").value(pid);
  if (!seccomp.listener_metadata.empty()) w.key("metadata").value(seccomp.listener_metadata);
  w.key("state").raw(oci::to_json(state));
  w.end_object();
  return std::move(w).text();
}

Result<void> become_root_inside() {
  for (const long call : {SYS_setresgid, SYS_setresuid})
    if (::syscall(call, 0, 0, 0) < 0 && errno != EINVAL)
      return sys_error("become root of the user namespace");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return sys_error("become undumpable");
  return {};
}

Result<std::optional<SeccompFilter>> compile_filter(const oci::Linux& linux_, const Log& log) {
  if (!linux_.seccomp) return std::nullopt;
  SeccompFilter filter = TRY(compile_seccomp(*linux_.seccomp));
  for (const std::string& name : filter.unknown_syscalls)
    log.debug(fmt::format("linux.seccomp: unknown system call '{}' left out", name));
  return filter;
}

Result<ProcessStart> ProcessStart::open(const Options& options) {
  ProcessStart start(options);
  const oci::Process& process = options.process;
  if (!process.apparmor_profile.empty() && process.apparmor_profile != "unconfined") {
    if (!is_app_armor_enabled())
      return error(Code::Unsupported,
                   "process.apparmorProfile: '{}' is asked for, but AppArmor is not enabled",
                   process.apparmor_profile);
    // Since Linux 5.8 AppArmor has a directory of its own; the shared file may belong to another module.
    auto own = open_at(AT_FDCWD, "/proc/self/attr/apparmor/exec", O_WRONLY);
    start.exec_label_ = own ? std::move(*own) : TRY(open_at(AT_FDCWD, "/proc/self/attr/exec", O_WRONLY));
    start.label_ = "exec " + process.apparmor_profile;
  } else if (!process.selinux_label.empty()) {
    if (!is_selinux_enabled())
      return error(Code::Unsupported, "process.selinuxLabel: '{}' is asked for, but SELinux is not enabled",
                   process.selinux_label);
    start.exec_label_ = TRY(open_at(AT_FDCWD, "/proc/self/attr/exec", O_WRONLY));
    start.label_ = process.selinux_label;
  }
  struct stat own{};
  if (::stat("/proc/self/exe", &own) < 0) return sys_error("look at this program");
  start.own_device_ = own.st_dev;
  start.own_inode_ = own.st_ino;
  if (options.linux_.seccomp && !options.filter)
    return error(Code::Internal, "linux.seccomp: was not compiled");  // it must never just be missing
  start.compute_capabilities();
  return start;
}

// Sets are cut to what the bounding set of the runtime itself has: nothing else could be granted.
void ProcessStart::compute_capabilities() {
  const auto mask_of = [&](const std::vector<std::string>& names) {
    CapabilityMask mask = 0;
    for (const std::string& name : names) {
      if (const auto number = kernel::capability_number(name))
        mask |= kernel::capability_bit(*number);
      else
        options_.log.warn(fmt::format("process.capabilities: unknown '{}' left out", name));
    }
    return mask;
  };
  const oci::Capabilities none;
  const oci::Capabilities& names = options_.process.capabilities ? *options_.process.capabilities : none;
  const kernel::CapabilitySets asked{.bounding = mask_of(names.bounding),
                                     .permitted = mask_of(names.permitted),
                                     .effective = mask_of(names.effective),
                                     .inheritable = mask_of(names.inheritable),
                                     .ambient = mask_of(names.ambient)};
  const CapabilityMask all =
      asked.bounding | asked.effective | asked.permitted | asked.inheritable | asked.ambient;
  const CapabilityMask grantable = kernel::bounding_set(all);
  capabilities_.bounding = asked.bounding & grantable;
  capabilities_.permitted = asked.permitted & grantable;
  capabilities_.effective = asked.effective & capabilities_.permitted;
  capabilities_.inheritable = asked.inheritable & grantable;
  // The kernel holds ambient below both (capabilities(7)).
  capabilities_.ambient = asked.ambient & capabilities_.permitted & capabilities_.inheritable;
  for (unsigned number = 0; number < 64; ++number)
    if ((all & ~grantable & kernel::capability_bit(number)) != 0)
      options_.log.warn(fmt::format("process.capabilities: {} left out, the runtime itself does not have it",
                                    kernel::capability_name(number)));
}

Result<void> ProcessStart::prepare(int terminal) {
  const oci::Process& process = options_.process;
  (void)::setsid();  // fails only for a group leader, which is in a session of its own already
  if (terminal >= 0) TRY(kernel::become_terminal_owner(terminal));
  join_keyring(options_.keyring, options_.log);
  reset_signals();
  TRY(set_rlimits(process.rlimits, options_.log));
  if (process.scheduler) TRY(set_scheduler(*process.scheduler));
  if (process.io_priority) TRY(set_io_priority(*process.io_priority));
  if (options_.linux_.personality) TRY(set_personality(*options_.linux_.personality));
  ::umask(process.user.umask.value_or(0022));

  environment_ = process.env;
  if (variable(environment_, "HOME").empty())
    environment_.push_back("HOME=" + home_directory(read_passwd(), process.user.uid).value_or("/"));

  give_streams_to(process.user.uid);
  // Before the user changes, because images have working directories that only root may enter; or after,
  // because on a network file system it may be only the user who may.
  const bool is_there = TRY(enter_working_directory());
  TRY(set_credentials());
  if (!is_there && !TRY(enter_working_directory()))
    return sys_error_of(EACCES, "process.cwd: change to '{}'", process.cwd);
  return find_program();
}

Result<void> ProcessStart::set_credentials() {
  const oci::User& user = options_.process.user;
  TRY_DURING(kernel::limit_bounding_set(capabilities_.bounding), "process.capabilities.bounding");
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return sys_error("keep capabilities");
  std::vector<gid_t> groups(user.additional_gids.begin(), user.additional_gids.end());
  // Where a user namespace denies setgroups(2) there are none to drop either.
  if (::setgroups(groups.size(), groups.data()) < 0 && (errno != EPERM || !groups.empty()))
    return sys_error("process.user.additionalGids");
  if (::syscall(SYS_setresgid, user.gid, user.gid, user.gid) < 0)
    return sys_error("process.user.gid: become group {}", user.gid);
  if (::syscall(SYS_setresuid, user.uid, user.uid, user.uid) < 0)
    return sys_error("process.user.uid: become user {}", user.uid);
  if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) return sys_error("stop keeping capabilities");
  // A change of user makes a process dumpable again by some settings of fs.suid_dumpable.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return sys_error("become undumpable");

  // What the seccomp filter needs until it is loaded is given up with the last capset(2), in finish().
  kernel::CapabilitySets present = capabilities_;
  if (options_.filter && !options_.process.no_new_privileges) {
    const CapabilityMask admin = kernel::capability_bit(CAP_SYS_ADMIN);
    present.permitted |= admin;
    present.effective |= admin;
  }
  TRY_DURING(kernel::set_capabilities(present), "process.capabilities");
  TRY_DURING(kernel::set_ambient(capabilities_.ambient), "process.capabilities.ambient");
  return {};
}

Result<bool> ProcessStart::enter_working_directory() const {
  const std::string& cwd = options_.process.cwd;
  if (::chdir(cwd.c_str()) < 0) {
    if (errno == EACCES || errno == EPERM) return false;
    return sys_error("process.cwd: change to '{}'", cwd);
  }
  // A working directory may not be one of the host's that a descriptor gave away (CVE-2024-21626).
  // The system call answers "(unreachable)..." for a directory outside of the root; libc hides that.
  char path[PATH_MAX];
  if (::syscall(SYS_getcwd, path, sizeof path) < 0) return sys_error("process.cwd: look where '{}' is", cwd);
  if (path[0] != '/')
    return error(Code::PermissionDenied, "process.cwd: '{}' is outside of the container's root", cwd);
  return true;
}

// 0 when this process may execute it, else the errno that says why not.
int ProcessStart::check_program(const std::string& path) const {
  struct stat st{};
  if (::stat(path.c_str(), &st) < 0) return errno;
  if (S_ISDIR(st.st_mode)) return EISDIR;
  // /proc/self/exe and the like: the runtime's own (sealed) program is not the container's to run.
  if (st.st_dev == own_device_ && st.st_ino == own_inode_) return EACCES;
  return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) < 0 ? errno : 0;
}

// The texts below are read by callers: Docker and podman turn them into exit status 127 and 126.
Result<void> ProcessStart::find_program() {
  const std::string& name = options_.process.args[0];
  const std::string shown = printable(name, 1024);
  if (name.find('/') != std::string::npos) {
    const int failed = check_program(name);
    if (failed == EISDIR)
      return error(Code::PermissionDenied, "exec: \"{}\": is a directory: permission denied", shown);
    if (failed == ENOENT || failed == ENOTDIR)
      return error(Code::NotFound, "exec: \"{0}\": stat {0}: no such file or directory", shown);
    if (failed == EACCES) return error(Code::PermissionDenied, "exec: \"{}\": permission denied", shown);
    if (failed != 0) return sys_error_of(failed, "exec: \"{}\"", shown);
    program_ = name;
    return {};
  }
  std::string_view path = variable(environment_, "PATH");
  if (path.empty()) path = kDefaultPath;
  bool is_there = false;
  while (!path.empty()) {
    const std::size_t colon = path.find(':');
    const std::string_view directory = path.substr(0, colon);
    path.remove_prefix(colon == std::string_view::npos ? path.size() : colon + 1);
    std::string candidate = directory.empty() ? "./" + name : fmt::format("{}/{}", directory, name);
    const int failed = check_program(candidate);
    is_there |= failed == EACCES;
    if (failed != 0) continue;
    program_ = std::move(candidate);
    return {};
  }
  if (is_there) return error(Code::PermissionDenied, "exec: \"{}\": permission denied", shown);
  return error(Code::NotFound, "exec: \"{}\": executable file not found in $PATH", shown);
}

Result<void> ProcessStart::finish() {
  if (exec_label_) {
    TRY_DURING(write_all(exec_label_.get(), label_, "/proc/self/attr/exec"), "set label '{}'", label_);
    exec_label_.reset();
  }
  if (options_.process.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return sys_error("process.noNewPrivileges");
  // Nothing of ours goes with the program; close-on-exec from birth is the first line, this the second.
  if (::close_range(static_cast<unsigned>(3 + options_.preserve_fds), ~0U, CLOSE_RANGE_CLOEXEC) < 0)
    return sys_error("close descriptors");
  for (int fd = 3; fd < 3 + options_.preserve_fds; ++fd)
    (void)::fcntl(fd, F_SETFD, 0);  // gaps are the caller's affair
  if (const auto& filter = options_.filter) {
    UniqueFd listener =
        TRY_DURING(kernel::install_seccomp_filter(filter->program, filter->flags), "linux.seccomp");
    if (listener)
      TRY_DURING(kernel::send_descriptor(listener_.socket.get(), listener.get(), listener_.state),
                 "linux.seccomp.listenerPath");
  }
  TRY_DURING(kernel::set_capabilities(capabilities_), "process.capabilities");
  return {};
}

Error ProcessStart::run() {
  std::vector<char*> arguments, environment;
  for (const std::string& word : options_.process.args) arguments.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& entry : environment_) environment.push_back(const_cast<char*>(entry.c_str()));
  arguments.push_back(nullptr);
  environment.push_back(nullptr);
  if (auto finished = finish(); !finished) return std::move(finished).error();
  ::execve(program_.c_str(), arguments.data(), environment.data());
  const int failed = errno;
  if (failed == ENOEXEC) return sys_error_of(failed, "exec {}: exec format error", printable(program_, 1024));
  return sys_error_of(failed, "exec {}", printable(program_, 1024));
}

}  // namespace gantry::runtime
