// SPDX-License-Identifier: Apache-2.0
//
// The bare system calls of one short container, and nothing else:
//
//   floor run --bundle DIR ID      (other options of a runtime are accepted and ignored)
//
// What it does is what bench/bundle.py asks for, without reading it: a new mount, pid, network, uts, ipc and
// cgroup namespace; a group in every mounted cgroup hierarchy with memory, cpu, pids and device limits; the
// usual mounts, devices, links, masked and read-only paths; pivot_root(2); capabilities; a seccomp filter of
// the size of the usual profile; execve(2); waiting; removal of the groups. Nothing is parsed, checked,
// recorded, resolved safely or reported: a runtime cannot do with less, and has to do more.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace {

constexpr std::size_t kMostHierarchies = 16;
constexpr std::size_t kFilterChecks =
    145;  // two instructions each: with the frame, what a default profile makes

struct Hierarchy {
  char mount[64];
  const char* name;  // the last part of the mount point
  char group[192];
};

Hierarchy hierarchies[kMostHierarchies];
std::size_t hierarchy_count = 0;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  ::_exit(125);
}

void need(long result, const char* what) {
  if (result < 0) fail(what);
}

void find_hierarchies(const char* id) {
  static char text[64 << 10];
  const int fd = ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  std::size_t used = 0;
  for (ssize_t n; (n = ::read(fd, text + used, sizeof text - 1 - used)) > 0;)
    used += static_cast<std::size_t>(n);
  ::close(fd);
  for (char* line = std::strtok(text, "\n"); line != nullptr; line = std::strtok(nullptr, "\n")) {
    Hierarchy& hierarchy = hierarchies[hierarchy_count];
    const char* type = std::strstr(line, " - cgroup");
    if (type == nullptr || hierarchy_count == kMostHierarchies) continue;
    if (std::sscanf(line, "%*s %*s %*s / %63s", hierarchy.mount) != 1) continue;
    hierarchy.name = std::strrchr(hierarchy.mount, '/') + 1;
    std::strcat(std::strcat(std::strcpy(hierarchy.group, hierarchy.mount), "/"), id);
    ++hierarchy_count;
  }
}

void write_setting(const Hierarchy& hierarchy, const char* file, const char* value) {
  char path[256];
  std::snprintf(path, sizeof path, "%s/%s", hierarchy.group, file);
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  need(fd, path);
  need(::write(fd, value, std::strlen(value)), path);
  ::close(fd);
}

void limit(const Hierarchy& hierarchy) {
  const auto is = [&](const char* name) { return std::strcmp(hierarchy.name, name) == 0; };
  if (is("cpuset")) {
    write_setting(hierarchy, "cpuset.cpus", "0");
    write_setting(hierarchy, "cpuset.mems", "0");
  } else if (is("memory")) {
    write_setting(hierarchy, "memory.limit_in_bytes", "268435456");
  } else if (is("pids")) {
    write_setting(hierarchy, "pids.max", "256");
  } else if (is("cpu") || is("cpu,cpuacct")) {
    write_setting(hierarchy, "cpu.shares", "512");
    write_setting(hierarchy, "cpu.cfs_period_us", "100000");
    write_setting(hierarchy, "cpu.cfs_quota_us", "200000");
  } else if (is("devices")) {
    write_setting(hierarchy, "devices.deny", "a");
    for (const char* rule : {"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm",
                             "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"})
      write_setting(hierarchy, "devices.allow", rule);
  }
}

void mount_cgroups() {
  need(::mount("tmpfs", "sys/fs/cgroup", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=755"),
       "cgroup tmpfs");
  for (std::size_t i = 0; i < hierarchy_count; ++i) {
    const Hierarchy& hierarchy = hierarchies[i];
    if (std::strcmp(hierarchy.name, "unified") == 0) continue;
    char place[128];
    std::snprintf(place, sizeof place, "sys/fs/cgroup/%s", hierarchy.name);
    need(::mkdir(place, 0755), place);
    const int group = static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, hierarchy.group, 1 | O_CLOEXEC));
    need(group, hierarchy.group);
    mount_attr attributes{.attr_set =
                              MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
    need(::syscall(SYS_mount_setattr, group, "", AT_EMPTY_PATH, &attributes, sizeof attributes),
         "mount_setattr");
    need(::syscall(SYS_move_mount, group, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH), place);
    ::close(group);
  }
  need(::mount(nullptr, "sys/fs/cgroup", nullptr,
               MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV, nullptr),
       "cgroup tmpfs read-only");
}

void make_root(const char* root) {
  constexpr unsigned long kUsual = MS_NOSUID | MS_NOEXEC | MS_NODEV;
  need(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), "cut off from the host");
  need(::mount(root, root, nullptr, MS_BIND | MS_REC, nullptr), root);
  need(::chdir(root), root);
  need(::mount("proc", "proc", "proc", kUsual, nullptr), "proc");
  need(::mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"), "dev");
  need(::mkdir("dev/pts", 0755), "dev/pts");
  need(::mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
               "newinstance,ptmxmode=0666,mode=0620,gid=5"),
       "devpts");
  need(::mount("sysfs", "sys", "sysfs", kUsual | MS_RDONLY, nullptr), "sysfs");
  mount_cgroups();
  need(::mkdir("dev/mqueue", 0755), "dev/mqueue");
  need(::mount("mqueue", "dev/mqueue", "mqueue", kUsual, nullptr), "mqueue");
  need(::mkdir("dev/shm", 0755), "dev/shm");
  need(::mount("shm", "dev/shm", "tmpfs", kUsual, "mode=1777,size=65536k"), "shm");
  constexpr struct {
    const char* path;
    unsigned major, minor;
  } kDevices[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
                  {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
  for (const auto& device : kDevices)
    need(::mknod(device.path, S_IFCHR | 0666, makedev(device.major, device.minor)), device.path);
  need(::symlink("/proc/self/fd", "dev/fd"), "dev/fd");
  need(::symlink("/proc/self/fd/0", "dev/stdin"), "dev/stdin");
  need(::symlink("/proc/self/fd/1", "dev/stdout"), "dev/stdout");
  need(::symlink("/proc/self/fd/2", "dev/stderr"), "dev/stderr");
  need(::symlink("/proc/kcore", "dev/core"), "dev/core");
  need(::symlink("pts/ptmx", "dev/ptmx"), "dev/ptmx");
  // Of these lists not every path is there on every kernel, so failure is no failure.
  for (const char* path : {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"})
    if (::mount(path, path, nullptr, MS_BIND | MS_REC, nullptr) == 0)
      (void)::mount(path, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | kUsual, nullptr);
  for (const char* path : {"proc/asound", "proc/acpi", "proc/kcore", "proc/keys", "proc/latency_stats",
                           "proc/timer_list", "proc/timer_stats", "proc/sched_debug", "proc/scsi"})
    if (::mount("dev/null", path, nullptr, MS_BIND, nullptr) < 0 && errno == ENOTDIR)
      (void)::mount("tmpfs", path, "tmpfs", MS_RDONLY, nullptr);
  (void)::mount("tmpfs", "sys/firmware", "tmpfs", MS_RDONLY, nullptr);
  need(::syscall(SYS_pivot_root, ".", "."), "pivot_root");
  need(::umount2(".", MNT_DETACH), "let go of the old root");
  need(::chdir("/"), "/");
}

constexpr std::uint32_t kCapabilities = 0xa80425fb;  // the fourteen of a container engine, all below 32

void limit_bounding_set() {
  for (int number = 0; ::prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; ++number)
    if (number >= 32 || (kCapabilities >> number & 1) == 0) (void)::prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
}

void limit_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3};
  const __user_cap_data_struct sets[2] = {{.effective = kCapabilities, .permitted = kCapabilities}};
  need(::syscall(SYS_capset, &header, sets), "capset");
}

void filter_system_calls() {
  static sock_filter filter[2 * kFilterChecks + 5];
  unsigned short size = 0;
  constexpr unsigned kNone = 1000;  // numbers that no system call has: the costliest way through
  filter[size++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
  filter[size++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
  filter[size++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  filter[size++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (unsigned i = 0; i < kFilterChecks; ++i) {
    filter[size++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNone + i, 0, 1);
    filter[size++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  }
  filter[size++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog program{.len = size, .filter = filter};
  need(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program), "seccomp");
}

[[noreturn]] void be_container(const char* root) {
  for (std::size_t i = 0; i < hierarchy_count; ++i)
    write_setting(hierarchies[i], std::strcmp(hierarchies[i].name, "unified") == 0 ? "cgroup.procs" : "tasks",
                  "0");
  need(::unshare(CLONE_NEWCGROUP), "cgroup namespace");
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  need(::ioctl(socket, SIOCSIFFLAGS, &loopback), "loopback");
  ::close(socket);
  need(::sethostname("bench", 5), "sethostname");
  make_root(root);
  (void)::setsid();
  limit_bounding_set();
  filter_system_calls();
  limit_capabilities();
  const char* const arguments[] = {"/bin/true", nullptr};
  const char* const environment[] = {"PATH=/bin", nullptr};
  ::execve(arguments[0], const_cast<char**>(arguments), const_cast<char**>(environment));
  fail(arguments[0]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || std::strlen(argv[argc - 1]) > 64) return 2;
  const char* bundle = ".";
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], "--bundle") == 0) bundle = argv[i + 1];
  char root[4096];
  std::snprintf(root, sizeof root, "%s/rootfs", bundle);
  find_hierarchies(argv[argc - 1]);
  for (std::size_t i = 0; i < hierarchy_count; ++i) {
    need(::mkdir(hierarchies[i].group, 0755), hierarchies[i].group);
    limit(hierarchies[i]);
  }
  clone_args args{.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET,
                  .exit_signal = SIGCHLD};
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  need(pid, "clone3");
  if (pid == 0) be_container(root);
  int status = 0;
  while (::waitpid(static_cast<pid_t>(pid), &status, 0) < 0 && errno == EINTR) {
  }
  // The pid namespace goes with its first process, which is reaped, so nothing is left inside.
  for (std::size_t i = 0; i < hierarchy_count; ++i) need(::rmdir(hierarchies[i].group), hierarchies[i].group);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
