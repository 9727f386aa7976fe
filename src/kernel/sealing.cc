// SPDX-License-Identifier: Apache-2.0
#include "kernel/sealing.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // Linux 6.3
#endif

namespace gantry::kernel {
namespace {

constexpr char kSelf[] = "/proc/self/exe";

#ifdef __x86_64__
// The result, or -errno.
long kernel_call(long number, long a, long b = 0, long c = 0, long d = 0, long e = 0) {
  long result = 0;
  register long fourth asm("r10") = d;
  register long fifth asm("r8") = e;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
               : "rcx", "r11", "memory");
  return result;
}
#else
// Here nobody calls this before libc is ready.
long kernel_call(long number, long a, long b = 0, long c = 0, long d = 0, long e = 0) {
  const long result = ::syscall(number, a, b, c, d, e);
  return result < 0 ? -errno : result;
}
#endif

long address(const void* pointer) { return reinterpret_cast<long>(pointer); }

class Descriptor {
 public:
  explicit Descriptor(long result) : result_(result) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (result_ >= 0) kernel_call(SYS_close, result_);
  }
  explicit operator bool() const { return result_ >= 0; }
  long get() const { return result_; }

 private:
  long result_;
};

constexpr long kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// Only memory files can carry seals; for others this fails with EINVAL.
bool is_sealed_memory() {
  const Descriptor self(kernel_call(SYS_openat, AT_FDCWD, address(kSelf), O_RDONLY | O_CLOEXEC));
  return self && kernel_call(SYS_fcntl, self.get(), F_GET_SEALS) == kSeals;
}

// The path of this program by the kernel, null-terminated; false when it does not fit.
bool read_own_path(char (&path)[PATH_MAX]) {
  const long size = kernel_call(SYS_readlink, address(kSelf), address(path), sizeof path - 1);
  if (size <= 0 || size >= static_cast<long>(sizeof path - 1)) return false;
  path[size] = '\0';
  return path[0] == '/';
}

// What follows the last '/'.
char* name_in(char* path) {
  char* name = path;
  for (char* c = path; *c != '\0'; ++c)
    if (*c == '/') name = c + 1;
  return name;
}

bool identify(long directory, const char* path, long flags, struct statx& identity) {
  return kernel_call(SYS_statx, directory, address(path), flags, STATX_INO | STATX_MNT_ID,
                     address(&identity)) == 0;
}

// What follows `begin` in `text`, or null.
const char* after(const char* begin, const char* text) {
  for (; *begin != '\0'; ++begin, ++text)
    if (*text != *begin) return nullptr;
  return text;
}

// To run from an overlay is nothing special where the root file system is one, so look for what only
// run_from_overlay() leaves behind: a name relative to a descriptor ("/dev/fd/5/name"), a read-only overlay,
// and the program directly in its root, which hangs nowhere: its path leads to nothing, or into another
// mount.
bool is_in_own_overlay(const char* descriptor) {
  while (*descriptor >= '0' && *descriptor <= '9') ++descriptor;
  if (*descriptor != '/') return false;
  struct statfs filesystem{};
  if (kernel_call(SYS_statfs, address(kSelf), address(&filesystem)) < 0 ||
      filesystem.f_type != OVERLAYFS_SUPER_MAGIC || (filesystem.f_flags & ST_RDONLY) == 0)
    return false;
  char path[PATH_MAX];
  if (!read_own_path(path) || name_in(path) != path + 1) return false;
  struct statx own{}, other{};
  if (!identify(AT_FDCWD, kSelf, 0, own)) return false;
  return !identify(AT_FDCWD, path, 0, other) || own.stx_mnt_id != other.stx_mnt_id;
}

// "/proc/self/fd/N" and what follows: no name that it leads to can have a ':' or '\' that means something.
class DescriptorPath {
 public:
  DescriptorPath(long number, const char* following) {
    append("/proc/self/fd/");
    char digits[20];
    char* digit = digits + sizeof digits;
    *--digit = '\0';
    do *--digit = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    append(digit);
    append(following);
  }
  const char* get() const { return text_; }

 private:
  void append(const char* text) {
    while ((text_[size_] = *text++) != '\0') ++size_;
  }
  char text_[64];
  unsigned size_ = 0;
};

SealingFailure failed_to(const char* doing, long result) { return {doing, static_cast<int>(-result)}; }

}  // namespace

SealingFailure run_from_overlay(char* const* arguments, char* const* environment) {
  char path[PATH_MAX];
  if (!read_own_path(path)) return {"find this program", ENOENT};
  // "/usr/bin/program" becomes "/usr/bin" and "program", "/program" becomes "/" and "program".
  char* const name = name_in(path);
  name[-1] = '\0';
  const Descriptor directory(kernel_call(SYS_openat, AT_FDCWD, address(name == path + 1 ? "/" : path),
                                         O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return failed_to("open the directory of this program", directory.get());
  // That path may lead elsewhere by now, or always has, as seen from another root.
  struct statx own{}, named{};
  if (!identify(AT_FDCWD, kSelf, 0, own) || !identify(directory.get(), name, AT_SYMLINK_NOFOLLOW, named) ||
      own.stx_ino != named.stx_ino || own.stx_mnt_id != named.stx_mnt_id)
    return {"find this program where it was started", ENOENT};
  // An overlay shows what is below mounts, another file than one that is mounted over the program's name.
  if ((named.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
    return {"make an overlay with this program, which is a mount of its own", EXDEV};

  const Descriptor context(kernel_call(SYS_fsopen, address("overlay"), FSOPEN_CLOEXEC));
  if (!context) return failed_to("open an overlay", context.get());
  // Without an upper layer there have to be two lower ones. The other one only has to be there, not to be
  // above or below the program's directory, and to be no procfs, on which the kernel allows no overlay.
  const DescriptorPath layers(directory.get(), ":/sys");
  long result = kernel_call(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, address("lowerdir"),
                            address(layers.get()), 0);
  if (result == 0) result = kernel_call(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (result < 0) return failed_to("make an overlay of the directory of this program", result);
  const Descriptor mount(kernel_call(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC,
                                     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  if (!mount) return failed_to("mount an overlay of the directory of this program", mount.get());
  return failed_to("run this program from an overlay",
                   kernel_call(SYS_execveat, mount.get(), address(name), address(arguments),
                               address(environment), AT_SYMLINK_NOFOLLOW));
}

SealingFailure run_from_memory(char* const* arguments, char* const* environment) {
  const Descriptor self(kernel_call(SYS_openat, AT_FDCWD, address(kSelf), O_RDONLY | O_CLOEXEC));
  if (!self) return failed_to("open this program", self.get());
  // MFD_EXEC says that executing is meant, which vm.memfd_noexec wants to hear; older kernels do not know it.
  constexpr long kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  long file = kernel_call(SYS_memfd_create, address("gantry-runtime"), kFlags | MFD_EXEC);
  if (file == -EINVAL) file = kernel_call(SYS_memfd_create, address("gantry-runtime"), kFlags);
  const Descriptor copy(file);
  if (!copy) return failed_to("make memory file for this program", file);
  const long size = kernel_call(SYS_lseek, self.get(), 0, SEEK_END);
  for (long offset = 0; offset < size;) {
    const long n = kernel_call(SYS_sendfile, copy.get(), self.get(), address(&offset), size - offset);
    if (n < 0) return failed_to("copy this program to memory", n);
    if (n == 0) return {"copy this program to memory", ENODATA};  // it became shorter meanwhile
  }
  long result = kernel_call(SYS_fchmod, copy.get(), 0500);
  if (result == 0) result = kernel_call(SYS_fcntl, copy.get(), F_ADD_SEALS, kSeals);
  if (result < 0) return failed_to("seal the copy of this program", result);
  return failed_to("run the sealed copy of this program",
                   kernel_call(SYS_execveat, copy.get(), address(""), address(arguments),
                               address(environment), AT_EMPTY_PATH));
}

SealingFailure run_from_sealed_place(char* const* arguments, char* const* environment,
                                     const char* executed_as) {
  static bool is_sealed = false;  // asked before libc's start, and once more after it
  // Both ways execute by descriptor, for which execveat(2) makes a name.
  if (const char* rest = after("/dev/fd/", executed_as); rest != nullptr && !is_sealed)
    is_sealed = is_in_own_overlay(rest) || is_sealed_memory();
  if (is_sealed) return {nullptr, 0};
  // Where the kernel refuses the first, without privileges say, it is for reasons that do not concern the
  // second.
  (void)run_from_overlay(arguments, environment);
  return run_from_memory(arguments, environment);
}

}  // namespace gantry::kernel
