// SPDX-License-Identifier: Apache-2.0
//
// The first instructions of gantry-runtime (the linker's --entry): when the command is one that enters a
// container, run again from a sealed place (kernel/sealed_program.h) before libc has set itself up. Doing
// that twice would cost half a millisecond, because under a hypervisor every CPUID that glibc asks traps, and
// it asks some seventy times. Only a short cut: when it does not work, the same is tried again after libc's
// start, which also reports why.
//
// Nothing of libc works yet: kernel/sealing.h says what that means.
#include <elf.h>

#include "kernel/sealing.h"

#ifndef __x86_64__
#error "the entry point is written for x86-64 only; others begin at _start"
#endif

namespace {

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

// A container of that name, say, costs a start that was not needed.
bool enters_container(char* const* arguments) {
  if (arguments[0] == nullptr || !equals(base_name(arguments[0]), "gantry-runtime")) return false;
  for (; *arguments != nullptr; ++arguments)
    if (equals(*arguments, "create") || equals(*arguments, "run") || equals(*arguments, "exec")) return true;
  return false;
}

const char* executed_as(char* const* environment) {
  while (*environment != nullptr) ++environment;
  for (auto* entry = reinterpret_cast<const Elf64_auxv_t*>(environment + 1); entry->a_type != AT_NULL;
       ++entry)
    if (entry->a_type == AT_EXECFN) return reinterpret_cast<const char*>(entry->a_un.a_val);
  return "";
}

}  // namespace

// `stack` as execve(2) leaves it: argc, the arguments, null, the environment, null, the auxiliary vector.
extern "C" __attribute__((visibility("hidden"), used)) void gantry_begin(long* stack) {
  char** const arguments = reinterpret_cast<char**>(stack + 1);
  char** const environment = arguments + stack[0] + 1;
  if (enters_container(arguments))
    (void)gantry::kernel::run_from_sealed_place(arguments, environment, executed_as(environment));
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
