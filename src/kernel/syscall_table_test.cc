// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall_table.h"

#include <gtest/gtest.h>
#include <seccomp.h>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "base/file.h"
#include "testing/must.h"

namespace gantry::kernel {
namespace {

TEST(SyscallTable, FindsWhatExistsAndNothingElse) {
  ASSERT_NE(find_syscall("openat2"), nullptr);
  EXPECT_EQ(find_syscall("openat2")->number(SyscallArch::Aarch64), 437);
  EXPECT_EQ(find_syscall("read")->number(SyscallArch::X86), 3);
  EXPECT_EQ(find_syscall("read")->number(SyscallArch::X32), 0x40000000);
  EXPECT_EQ(find_syscall("open")->number(SyscallArch::Riscv64), SyscallEntry::kAbsent);
  EXPECT_EQ(find_syscall(""), nullptr);
  EXPECT_EQ(find_syscall("ope"), nullptr);
  EXPECT_EQ(find_syscall("zzz"), nullptr);
  EXPECT_EQ(find_syscall("openat22"), nullptr);
}

TEST(SyscallTable, FindsEveryNameItHas) {
  for (std::size_t i = 0; i < syscall_count(); ++i)
    EXPECT_EQ(find_syscall(syscall_name(syscall_at(i))), &syscall_at(i)) << syscall_name(syscall_at(i));
}

// Lines such as "#define __NR_read 0" and "#define __NR_read (__X32_SYSCALL_BIT + 0)".
void compare_with_header(const char* path, SyscallArch arch, std::int32_t flag_bit) {
  const Result<std::string> header = read_file(path);
  if (!header) GTEST_SKIP() << header.error().message();
  int found = 0;
  for (std::size_t at = 0; (at = header->find("#define __NR_", at)) != std::string::npos; ++at) {
    char name[64];
    int number;
    if (std::sscanf(header->c_str() + at, "#define __NR_%63[a-z0-9_] %d", name, &number) != 2 &&
        std::sscanf(header->c_str() + at, "#define __NR_%63[a-z0-9_] (__X32_SYSCALL_BIT + %d)", name,
                    &number) != 2)
      continue;
    const SyscallEntry* entry = find_syscall(name);
    ASSERT_NE(entry, nullptr) << name;
    EXPECT_EQ(entry->number(arch), number | flag_bit) << name;
    ++found;
  }
  EXPECT_GT(found, 300);
}

TEST(SyscallTable, AgreesWithTheHeaderOfX86_64) {
  compare_with_header("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", SyscallArch::X86_64, 0);
}
TEST(SyscallTable, AgreesWithTheHeaderOfX86) {
  compare_with_header("/usr/include/x86_64-linux-gnu/asm/unistd_32.h", SyscallArch::X86, 0);
}
TEST(SyscallTable, AgreesWithTheHeaderOfX32) {
  compare_with_header("/usr/include/x86_64-linux-gnu/asm/unistd_x32.h", SyscallArch::X32, kX32Bit);
}

// libseccomp has numbers below zero for calls that an architecture lacks, and for those that x86
// has through socketcall(2), -101 to -120, and ipc(2), -201 to -224.
TEST(SyscallTable, AgreesWithLibseccompOnEveryArchitecture) {
  constexpr std::pair<SyscallArch, std::uint32_t> kArchitectures[] = {
      {SyscallArch::X86_64, SCMP_ARCH_X86_64}, {SyscallArch::X86, SCMP_ARCH_X86},
      {SyscallArch::X32, SCMP_ARCH_X32},       {SyscallArch::Aarch64, SCMP_ARCH_AARCH64},
      {SyscallArch::Arm, SCMP_ARCH_ARM},       {SyscallArch::Riscv64, SCMP_ARCH_RISCV64}};
  int newer = 0;
  for (std::size_t i = 0; i < syscall_count(); ++i) {
    const SyscallEntry& entry = syscall_at(i);
    const std::string name(syscall_name(entry));
    for (const auto& [arch, token] : kArchitectures) {
      const int number = seccomp_syscall_resolve_name_arch(token, name.c_str());
      if (number == __NR_SCMP_ERROR) {
        ++newer;
        continue;
      }
      // The header's other name for arm_sync_file_range, which libseccomp leaves out.
      if (arch == SyscallArch::Arm && name == "sync_file_range2") continue;
      const bool through_socketcall = number <= -101 && number >= -120;
      const bool through_ipc = number <= -201 && number >= -224;
      if (through_socketcall || through_ipc) {
        EXPECT_EQ(entry.multiplexer, through_socketcall ? Multiplexer::SocketCall : Multiplexer::Ipc) << name;
        EXPECT_EQ(entry.multiplexed_call, -number % 100) << name;
      } else {
        EXPECT_EQ(entry.number(arch), number < 0 ? SyscallEntry::kAbsent : number) << name << " " << token;
      }
    }
  }
  RecordProperty("names_times_architectures_that_libseccomp_lacks", newer);
}

}  // namespace
}  // namespace gantry::kernel
