// SPDX-License-Identifier: Apache-2.0
//
// The first instructions of gantry-runtime (the linker's --entry): when the command is one that enters a
// container, run from a sealed copy (kernel/sealed_program.h) before libc has set itself up. Doing that twice
// would cost half a millisecond, because under a hypervisor every CPUID that glibc asks traps, and it asks
// some hundred times. Only a short cut: whatever is not as expected here is left to the long way, which also
// is what reports errors.
//
// Nothing of libc works yet: no relocation is done, so no pointers in constants, no calls that the dynamic
// linker would choose a version of (strcmp, memcpy), no errno, no thread-local storage.
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // Linux 6.3
#endif

#ifndef __x86_64__
#error "the entry point is written for x86-64 only; others begin at _start"
#endif

namespace {

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

long address(const void* pointer) { return reinterpret_cast<long>(pointer); }

bool equals(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

const char* base_name(const char* path) {
  const char* name = path;
  for (; *path != '\0'; ++path)
    if (*path == '/') name = path + 1;
  return name;
}

// A container of that name, say, costs a copy that was not needed.
bool enters_container(char* const* arguments) {
  if (arguments[0] == nullptr || !equals(base_name(arguments[0]), "gantry-runtime")) return false;
  for (; *arguments != nullptr; ++arguments)
    if (equals(*arguments, "create") || equals(*arguments, "run") || equals(*arguments, "exec")) return true;
  return false;
}

// Returns when that is done already or does not work.
void run_from_sealed_copy(char* const* arguments, char* const* environment) {
  constexpr long kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const long self = kernel_call(SYS_openat, AT_FDCWD, address("/proc/self/exe"), O_RDONLY | O_CLOEXEC);
  if (self < 0) return;
  const long size = kernel_call(SYS_lseek, self, 0, SEEK_END);
  const long copy = kernel_call(SYS_fcntl, self, F_GET_SEALS) == kSeals
                        ? -1
                        : kernel_call(SYS_memfd_create, address("gantry-runtime"),
                                      MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (copy >= 0) {
    long offset = 0, copied = 1;
    while (offset < size && copied > 0)
      copied = kernel_call(SYS_sendfile, copy, self, address(&offset), size - offset);
    if (offset == size && kernel_call(SYS_fchmod, copy, 0500) == 0 &&
        kernel_call(SYS_fcntl, copy, F_ADD_SEALS, kSeals) == 0)
      kernel_call(SYS_execveat, copy, address(""), address(arguments), address(environment), AT_EMPTY_PATH);
    kernel_call(SYS_close, copy);
  }
  kernel_call(SYS_close, self);
}

}  // namespace

// `stack` as execve(2) leaves it: argc, the arguments, null, the environment, null.
extern "C" __attribute__((visibility("hidden"), used)) void gantry_begin(long* stack) {
  char** const arguments = reinterpret_cast<char**>(stack + 1);
  if (enters_container(arguments)) run_from_sealed_copy(arguments, arguments + stack[0] + 1);
}

// _start finds everything as the kernel left it: the stack pointer, and rdx.
asm(R"(
  .pushsection .text.gantry_start, "ax", @progbits
  .globl gantry_start
  .type gantry_start, @function
gantry_start:
  mov %rdx, %rbx
  mov %rsp, %rdi
  call gantry_begin
  mov %rbx, %rdx
  jmp _start
  .size gantry_start, . - gantry_start
  .popsection
)");
