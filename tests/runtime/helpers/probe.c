// SPDX-License-Identifier: Apache-2.0
//
// Looks around from inside a container, for the tests of the runtime. Static, so that it runs in any root.
//
//   probe fds                    every open descriptor: "0 pipe:[123]"
//   probe cwd                    what getcwd(2) answers, and what ".." leads to
//   probe call NUMBER ARGS...    one system call: "0", or "EPERM"
//   probe call32 NUMBER ARGS...  the same through the 32-bit entry of the kernel
//   probe open PATH FLAGS        FLAGS of r, w, rw: "ok" or the error
//   probe write PATH TEXT        one open(2) and write(2): "ok" or the error
//   probe scheduler              sched_getattr(2)
//   probe ioprio                 "class level"
//   probe keyring                serial number of the session keyring
//   probe memory-policy          "mode nodes"
//   probe clocks                 seconds of CLOCK_MONOTONIC and CLOCK_BOOTTIME
//   probe terminal               of descriptor 0: rows, columns, owner, session, controlling or not
//   probe prctl                  dumpable, death signal, securebits, no_new_privs, child subreaper
//   probe session                pid, process group, session
//   probe raise NUMBER           kills itself by that signal
//   probe catch NUMBER           says "ready", waits for that signal, exits with status 40
//   probe hold SECONDS           sleeps without children
//   probe steal-exe SECONDS      opens the program of every process that comes by; at the end tries to
//                                write to it: "held NAME", "WROTE NAME"
//   probe pry-exe PID            attacks the program that a process runs from in every way that privileges
//                                allow, then once more when it has killed it: "refused WAY", "WROTE WAY"
//   probe notify TEXT            sends a text to $NOTIFY_SOCKET, as sd_notify(3) does
//   probe swap SECONDS A B       exchanges two names as fast as it can (outside of a container)

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int say(long result) {
  if (result < 0)
    printf("%s\n", strerrorname_np(errno));
  else
    printf("%ld\n", result);
  return result < 0;
}

static int say_ok(int failed) {
  puts(failed ? strerrorname_np(errno) : "ok");
  return failed;
}

static double now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static int fds(void) {
  DIR* dir = opendir("/proc/self/fd");
  if (!dir) return say(-1);
  for (struct dirent* entry; (entry = readdir(dir));) {
    char target[4096];
    if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(dir)) continue;
    ssize_t size = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
    if (size < 0) continue;
    target[size] = 0;
    printf("%s %s\n", entry->d_name, target);
  }
  return 0;
}

static int cwd(void) {
  char path[4096];
  // The system call says "(unreachable)" where the C library would look for a way of its own.
  if (syscall(SYS_getcwd, path, sizeof path) < 0) return say(-1);
  puts(path);
  struct stat up, root;
  if (stat("../../../../../../../..", &up) < 0 || stat("/", &root) < 0) return say(-1);
  puts(up.st_dev == root.st_dev && up.st_ino == root.st_ino ? "up is root" : "up is elsewhere");
  return 0;
}

static int call(char** words, int count) {
  long a[7] = {0};
  for (int i = 0; i < count && i < 7; i++) a[i] = strtol(words[i], NULL, 0);
  return say(syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]));
}

static int call32(char** words, int count) {
  long a[4] = {0}, result;
  for (int i = 0; i < count && i < 4; i++) a[i] = strtol(words[i], NULL, 0);
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3])
                   : "memory", "r8", "r9", "r10", "r11");
  if (result < 0) errno = -result;
  return say(result < 0 ? -1 : result);
}

static int open_file(const char* path, const char* flags) {
  int mode = !strcmp(flags, "rw") ? O_RDWR : *flags == 'w' ? O_WRONLY : O_RDONLY;
  return say_ok(open(path, mode | O_NONBLOCK | O_NOCTTY) < 0);
}

static int write_file(const char* path, const char* text) {
  int fd = open(path, O_WRONLY);
  return say_ok(fd < 0 || write(fd, text, strlen(text)) < 0);
}

static int scheduler(void) {
  struct {
    unsigned size, policy;
    unsigned long long flags;
    int nice;
    unsigned priority;
    unsigned long long runtime, deadline, period;
    unsigned util_min, util_max;
  } attr = {0};
  if (syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0) < 0) return say(-1);
  printf("policy %u flags %llu nice %d priority %u runtime %llu deadline %llu period %llu\n", attr.policy,
         attr.flags, attr.nice, attr.priority, attr.runtime, attr.deadline, attr.period);
  return 0;
}

static int ioprio(void) {
  long value = syscall(SYS_ioprio_get, 1, 0);
  if (value < 0) return say(value);
  printf("%ld %ld\n", value >> 13, value & 0x1fff);
  return 0;
}

static int memory_policy(void) {
  int mode;
  unsigned long nodes[16] = {0};
  if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof nodes * 8, NULL, 0) < 0) return say(-1);
  printf("%d %#lx\n", mode, nodes[0]);
  return 0;
}

static int terminal(void) {
  struct winsize size;
  struct stat info;
  if (!isatty(0)) return say(-1);
  if (ioctl(0, TIOCGWINSZ, &size) < 0 || fstat(0, &info) < 0) return say(-1);
  int control = open("/dev/tty", O_RDWR | O_NOCTTY);
  struct stat tty_info;
  pid_t session = -1;
  if (control >= 0) ioctl(control, TIOCGSID, &session);
  printf("rows %d columns %d owner %d:%d mode %o controlling %s session %s\n", size.ws_row, size.ws_col,
         info.st_uid, info.st_gid, info.st_mode & 07777, control >= 0 ? "yes" : "no",
         session == getsid(0) ? "own" : "other");
  if (stat("/dev/console", &tty_info) == 0)
    printf("console %s\n", tty_info.st_rdev == info.st_rdev ? "same" : "other");
  return 0;
}

static int process_control(void) {
  int death = -1, reaper = -1;
  prctl(PR_GET_PDEATHSIG, &death);
  prctl(PR_GET_CHILD_SUBREAPER, &reaper);
  printf("dumpable %d death-signal %d securebits %d no-new-privs %d subreaper %d\n", prctl(PR_GET_DUMPABLE),
         death, prctl(PR_GET_SECUREBITS), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), reaper);
  return 0;
}

static int raise_signal(int number) {
  signal(number, SIG_DFL);
  raise(number);
  return 99;
}

static void on_signal(int number) {
  (void)number;
  _exit(40);
}

_Noreturn static void catch_signal(int number) {
  signal(number, on_signal);
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}

struct held {
  int fd;
  dev_t device;
  ino_t inode;
  char name[256];
};

static int steal_exe(double seconds) {
  static struct held held[64];
  int count = 0;
  struct stat mine;
  stat("/proc/self/exe", &mine);
  for (double end = now(CLOCK_MONOTONIC) + seconds; now(CLOCK_MONOTONIC) < end;) {
    DIR* dir = opendir("/proc");
    for (struct dirent* entry; dir && (entry = readdir(dir));) {
      char path[300], target[256];
      struct stat info;
      snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
      if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || stat(path, &info) < 0) continue;
      if (info.st_dev == mine.st_dev && info.st_ino == mine.st_ino) continue;
      int known = 0;
      for (int i = 0; i < count; i++) known |= held[i].device == info.st_dev && held[i].inode == info.st_ino;
      if (known || count == 64) continue;
      ssize_t size = readlink(path, target, sizeof target - 1);
      target[size < 0 ? 0 : size] = 0;
      int fd = open(path, O_RDONLY | O_CLOEXEC);
      if (fd < 0) fd = open(path, O_PATH | O_CLOEXEC);
      if (fd < 0) continue;
      held[count] = (struct held){fd, info.st_dev, info.st_ino, ""};
      strcpy(held[count++].name, target);
    }
    if (dir) closedir(dir);
  }
  // The processes are gone by now, so nothing is "text file busy" any more.
  for (int i = 0; i < count; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", held[i].fd);
    int fd = open(path, O_WRONLY);
    int wrote = fd >= 0 && write(fd, "#!/bin/stolen\n", 14) == 14;
    printf("%s %s\n", wrote ? "WROTE" : "held", held[i].name);
  }
  puts("done");
  return 0;
}

static const char kMark[] = "#!/bin/pried\n";

static void tell(const char* way, int wrote) { printf("%s %s\n", wrote ? "WROTE" : "refused", way); }

static void write_through(const char* way, const char* path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  tell(way, fd >= 0 && write(fd, kMark, sizeof kMark - 1) == sizeof kMark - 1);
  if (fd >= 0) close(fd);
}

static void pry(int exe) {
  static const struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", exe);
  write_through("open", path);
  tell("truncate", truncate(path, 4) == 0);

  // The file system itself, by the new way and with what an overlay would need.
  for (int with_upper = 0; with_upper < 2; with_upper++) {
    int context = syscall(SYS_fspick, exe, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
    if (with_upper) {
      mkdir("/upper", 0755);
      mkdir("/work", 0755);
      syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "upperdir", "/upper", 0);
      syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "workdir", "/work", 0);
    }
    syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, "rw", NULL, 0);
    syscall(SYS_fsconfig, context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
    write_through(with_upper ? "reconfigure with an upper layer" : "reconfigure", path);
    if (context >= 0) close(context);
  }

  // The mount it is on, and copies of that.
  syscall(SYS_mount_setattr, exe, "", AT_EMPTY_PATH, &writable, sizeof writable);
  write_through("writable mount", path);
  int tree = syscall(SYS_open_tree, exe, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &writable, sizeof writable);
  char tree_path[64];
  snprintf(tree_path, sizeof tree_path, "/proc/self/fd/%d", tree);
  write_through("writable copy of the mount", tree_path);
  int target = open("/pried", O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "/pried", MOVE_MOUNT_F_EMPTY_PATH) == 0 ||
      mount(path, "/pried", NULL, MS_BIND, NULL) == 0) {
    mount(NULL, "/pried", NULL, MS_REMOUNT | MS_BIND, NULL);
    mount(NULL, "/pried", NULL, MS_REMOUNT, NULL);
    write_through("remounted", "/pried");
    umount2("/pried", MNT_DETACH);
  }
  close(target);
  if (tree >= 0) close(tree);

  // By handle, which asks no path and no mount whether it may.
  char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  struct file_handle* handle = (struct file_handle*)space;
  int mount_id;
  handle->handle_bytes = MAX_HANDLE_SZ;
  if (name_to_handle_at(exe, "", handle, &mount_id, AT_EMPTY_PATH) == 0) {
    int fd = open_by_handle_at(exe, handle, O_WRONLY | O_CLOEXEC);
    tell("handle", fd >= 0 && write(fd, kMark, sizeof kMark - 1) == sizeof kMark - 1);
    if (fd >= 0) close(fd);
  }
  chmod(path, 0777);
  chown(path, 1, 1);
}

static int pry_exe(const char* pid) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  int exe = open(path, O_PATH | O_CLOEXEC);
  if (exe < 0) return say(-1);
  pry(exe);
  // What the kernel has mapped may be another file than the one that was executed, the layer below for one.
  int mapped = -1;
  snprintf(path, sizeof path, "/proc/%s/map_files", pid);
  DIR* dir = opendir(path);
  if (!dir) return say(-1);
  for (struct dirent* entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%s/map_files/%s", pid, entry->d_name);
    write_through("mapped file", path);
    if (mapped < 0) mapped = open(path, O_PATH | O_CLOEXEC);
  }
  closedir(dir);
  pry(mapped);
  kill(atoi(pid), SIGKILL);
  for (double end = now(CLOCK_MONOTONIC) + 10; kill(atoi(pid), 0) == 0 && now(CLOCK_MONOTONIC) < end;)
    usleep(1000);
  puts("killed");
  pry(exe);
  pry(mapped);
  puts("done");
  return 0;
}

static int notify(const char* text) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char* path = getenv("NOTIFY_SOCKET");
  if (!path) return puts("no NOTIFY_SOCKET") < 0;
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  return say_ok(sendto(fd, text, strlen(text), 0, (struct sockaddr*)&address, sizeof address) < 0);
}

static int swap(double seconds, const char* a, const char* b) {
  for (double end = now(CLOCK_MONOTONIC) + seconds; now(CLOCK_MONOTONIC) < end;)
    for (int i = 0; i < 64; i++) renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
  return 0;
}

int main(int count, char** words) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char* what = count > 1 ? words[1] : "";
  const char* first = count > 2 ? words[2] : "0";
  if (!strcmp(what, "fds")) return fds();
  if (!strcmp(what, "cwd")) return cwd();
  if (!strcmp(what, "call")) return call(words + 2, count - 2);
  if (!strcmp(what, "call32")) return call32(words + 2, count - 2);
  if (!strcmp(what, "open") && count > 3) return open_file(first, words[3]);
  if (!strcmp(what, "write") && count > 3) return write_file(first, words[3]);
  if (!strcmp(what, "scheduler")) return scheduler();
  if (!strcmp(what, "ioprio")) return ioprio();
  if (!strcmp(what, "keyring")) return say(syscall(SYS_keyctl, 0 /* GET_KEYRING_ID */, -3 /* session */, 0));
  if (!strcmp(what, "memory-policy")) return memory_policy();
  if (!strcmp(what, "clocks")) return printf("%.3f %.3f\n", now(CLOCK_MONOTONIC), now(CLOCK_BOOTTIME)) < 0;
  if (!strcmp(what, "terminal")) return terminal();
  if (!strcmp(what, "prctl")) return process_control();
  if (!strcmp(what, "session")) return printf("%d %d %d\n", getpid(), getpgid(0), getsid(0)) < 0;
  if (!strcmp(what, "raise")) return raise_signal(atoi(first));
  if (!strcmp(what, "catch")) catch_signal(atoi(first));
  if (!strcmp(what, "hold")) return sleep(atoi(first)) != 0;
  if (!strcmp(what, "steal-exe")) return steal_exe(atof(first));
  if (!strcmp(what, "pry-exe")) return pry_exe(first);
  if (!strcmp(what, "notify")) return notify(first);
  if (!strcmp(what, "swap") && count > 4) return swap(atof(first), words[3], words[4]);
  fprintf(stderr, "probe: what is '%s'?\n", what);
  return 2;
}
