// SPDX-License-Identifier: Apache-2.0
//
// The profile of containers that ask for none: everything that ordinary programs need, nothing that manages
// the machine, unless a capability says that the container is meant to do that. On the machines that the
// runtime knows it allows what Docker's own default allows, so that images that run there run here.
#include "base/split.h"
#include "container/seccomp_profile.h"

namespace gantry::container {
namespace {

// Names are separated by blanks, so that the table is read-only data.
constexpr std::string_view kFilesByPath =
    "access chdir chmod chown chown32 creat faccessat faccessat2 fchmodat fchmodat2 fchownat fstatat64 "
    "futimesat "
    "getcwd lchown lchown32 link linkat lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at "
    "newfstatat "
    "open openat openat2 readlink readlinkat rename renameat renameat2 rmdir stat stat64 statfs statfs64 "
    "statx "
    "symlink symlinkat truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes "
    "listmount statmount";

constexpr std::string_view kOpenFiles =
    "_llseek cachestat close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64 fallocate "
    "fchdir "
    "fchmod fchown fchown32 fcntl fcntl64 fdatasync flock fstat fstat64 fstatfs fstatfs64 fsync ftruncate "
    "ftruncate64 getdents getdents64 ioctl lseek memfd_create memfd_secret pipe pipe2 pread64 preadv preadv2 "
    "pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64 splice sync sync_file_range syncfs "
    "tee "
    "vmsplice write writev";

constexpr std::string_view kExtendedAttributes =
    "fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat "
    "llistxattr "
    "lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat";

constexpr std::string_view kWaitingForEvents =
    "_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
    "epoll_wait_old eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 "
    "inotify_rm_watch "
    "pause poll ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create "
    "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64";

// io_uring is not here: its operations pass by every filter of system calls.
constexpr std::string_view kAsynchronousIo =
    "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit";

constexpr std::string_view kSockets =
    "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg "
    "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair";

constexpr std::string_view kSystemVAndQueues =
    "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
    "mq_timedsend_time64 "
    "mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl "
    "shmdt "
    "shmget";

constexpr std::string_view kMemory =
    "brk madvise map_shadow_stack membarrier mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal "
    "msync "
    "munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages";

// Tracing a process of the same container is allowed since it cannot be used to get around the filter
// (Linux 4.8 runs the filter again after the tracer has changed the call).
constexpr std::string_view kProcesses =
    "execve execveat exit exit_group fork getpgid getpgrp getpid getppid getsid gettid kill pidfd_open "
    "pidfd_send_signal prctl process_vm_readv process_vm_writev ptrace rseq seccomp set_robust_list "
    "set_thread_area set_tid_address setpgid setsid get_robust_list get_thread_area tgkill tkill uretprobe "
    "vfork "
    "wait4 waitid waitpid";

constexpr std::string_view kSignals =
    "restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
    "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn";

constexpr std::string_view kLocks = "futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake";

// The kernel asks for the capability by itself.
constexpr std::string_view kIdentity =
    "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid "
    "getresgid32 getresuid getresuid32 getuid getuid32 landlock_add_rule landlock_create_ruleset "
    "landlock_restrict_self setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 "
    "setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32";

constexpr std::string_view kSchedulingAndLimits =
    "getcpu getpriority getrlimit getrusage ioprio_get ioprio_set prlimit64 sched_get_priority_max "
    "sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
    "sched_setscheduler sched_yield setpriority setrlimit ugetrlimit";

constexpr std::string_view kTime =
    "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 "
    "clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create "
    "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 times";

constexpr std::string_view kTheMachine = "getrandom riscv_hwprobe sysinfo uname";

constexpr std::string_view kAlways[] = {
    kFilesByPath,         kOpenFiles, kExtendedAttributes, kWaitingForEvents, kAsynchronousIo, kSockets,
    kSystemVAndQueues,    kMemory,    kProcesses,          kSignals,          kLocks,          kIdentity,
    kSchedulingAndLimits, kTime,      kTheMachine};

struct OnMachine {
  std::string_view machines;
  std::string_view calls;
};
constexpr OnMachine kOnMachines[] = {
    {"amd64 x32", "arch_prctl"},
    {"amd64 x32 x86", "modify_ldt"},
    {"arm arm64", "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2"},
    {"riscv64", "riscv_flush_icache"},
};

struct WithCapability {
  std::string_view capability;
  std::string_view calls;
};
constexpr WithCapability kWithCapabilities[] = {
    {"CAP_BPF", "bpf"},
    {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
    {"CAP_PERFMON", "perf_event_open"},
    {"CAP_SYS_ADMIN",
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
     "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl "
     "quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare"},
    {"CAP_SYS_BOOT", "reboot"},
    {"CAP_SYS_CHROOT", "chroot"},
    {"CAP_SYS_MODULE", "delete_module finit_module init_module"},
    {"CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {"CAP_SYS_PACCT", "acct"},
    {"CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"},
    {"CAP_SYS_RAWIO", "ioperm iopl"},
    {"CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"},
    {"CAP_SYS_TTY_CONFIG", "vhangup"},
    {"CAP_SYSLOG", "syslog"},
};

// Families with a record of holes, or a way to the host (AF_ALG, AF_VSOCK), are left out.
struct OnArgument {
  std::string_view call;
  std::string_view op;
  std::uint64_t value;
};
constexpr std::uint64_t kAlgorithms = 38, kNetlinkCrypto = 39, kVsock = 40;
constexpr std::uint64_t kLinux = 0, kLinux32 = 8, kUname26 = 0x20000, kAsk = 0xffffffff;
constexpr OnArgument kOnFirstArgument[] = {
    {"socket", "SCMP_CMP_LT", kAlgorithms},
    {"socket", "SCMP_CMP_EQ", kNetlinkCrypto},
    {"socket", "SCMP_CMP_GT", kVsock},
    {"personality", "SCMP_CMP_EQ", kLinux},
    {"personality", "SCMP_CMP_EQ", kLinux32},
    {"personality", "SCMP_CMP_EQ", kUname26},
    {"personality", "SCMP_CMP_EQ", kUname26 | kLinux32},
    {"personality", "SCMP_CMP_EQ", kAsk},
};

constexpr const char* kAllow = "SCMP_ACT_ALLOW";
// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET: no new namespaces.
constexpr std::uint64_t kNamespaceFlags = 0x7e020000;
constexpr std::uint32_t kNoSuchCall = 38;   // ENOSYS
constexpr std::uint32_t kNotPermitted = 1;  // EPERM

std::vector<std::string> words_of(std::string_view text) {
  const auto words = split_words(text, ' ');
  return {words.begin(), words.end()};
}

oci::Syscall allow(std::string_view calls) { return {.names = words_of(calls), .action = kAllow}; }

// An argument says which namespaces a clone(2) makes; clone3(2) has it in memory, where a filter cannot look,
// so that call is said not to exist and programs use the other.
void add_clone(std::vector<SeccompRule>& rules) {
  const SeccompCondition admin{.capabilities = {"CAP_SYS_ADMIN"}};
  oci::Syscall clone = allow("clone");
  clone.args = {{.index = 0, .value = kNamespaceFlags, .value_two = 0, .op = "SCMP_CMP_MASKED_EQ"}};
  rules.push_back({std::move(clone), {}, admin});
  rules.push_back({{.names = {"clone3"}, .action = "SCMP_ACT_ERRNO", .errno_ret = kNoSuchCall}, {}, admin});
}

SeccompProfile make_profile() {
  SeccompProfile profile{.default_action = "SCMP_ACT_ERRNO",
                         .default_errno_ret = kNotPermitted,
                         .machines = {{"SCMP_ARCH_X86_64", {"SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
                                      {"SCMP_ARCH_AARCH64", {"SCMP_ARCH_ARM"}},
                                      {"SCMP_ARCH_RISCV64", {}}}};
  oci::Syscall always{.action = kAllow};
  for (const std::string_view group : kAlways)
    for (std::string& name : words_of(group)) always.names.push_back(std::move(name));
  profile.rules.push_back({std::move(always), {}, {}});
  for (const OnArgument& one : kOnFirstArgument) {
    oci::Syscall rule = allow(one.call);
    rule.args = {{.index = 0, .value = one.value, .op = std::string(one.op)}};
    profile.rules.push_back({std::move(rule), {}, {}});
  }
  for (const OnMachine& one : kOnMachines)
    profile.rules.push_back({allow(one.calls), {.machines = words_of(one.machines)}, {}});
  for (const WithCapability& one : kWithCapabilities)
    profile.rules.push_back({allow(one.calls), {.capabilities = {std::string(one.capability)}}, {}});
  add_clone(profile.rules);
  return profile;
}

}  // namespace

const SeccompProfile& default_seccomp_profile() {
  static const SeccompProfile profile = make_profile();
  return profile;
}

}  // namespace gantry::container
