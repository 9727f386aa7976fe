// SPDX-License-Identifier: Apache-2.0
//
// System calls by name, for every architecture a container on this machine may use and then some:
// the table is the same in all builds, so what is compiled for another machine can be tested here.
// Read-only data without relocations; nothing fails, nothing allocates.
//
//   const SyscallEntry* call = find_syscall("openat2");   // null: no such call anywhere
//   if (call) number = call->number(SyscallArch::Aarch64);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gantry::kernel {

enum class SyscallArch : std::uint8_t { X86_64, X86, X32, Aarch64, Arm, Riscv64 };
inline constexpr std::size_t kSyscallArchCount = 6;

// Set in the number of every x32 call; in the table as well.
inline constexpr std::uint32_t kX32Bit = 0x40000000;
// ARM's own calls (cacheflush, set_tls, ...) are numbered from here, apart from the others.
inline constexpr std::uint32_t kArmPrivateCalls = 0x0f0000;

// Calls that x86 (32-bit) has, or had first, as a number in the first argument of another call.
enum class Multiplexer : std::uint8_t { None, SocketCall, Ipc };

struct SyscallEntry {
  static constexpr std::int32_t kAbsent = -1;

  std::uint16_t name_offset;
  Multiplexer multiplexer;        // on X86
  std::uint8_t multiplexed_call;  // the multiplexer's first argument
  std::array<std::int32_t, kSyscallArchCount> numbers;

  std::int32_t number(SyscallArch arch) const { return numbers[static_cast<std::size_t>(arch)]; }
};

const SyscallEntry* find_syscall(std::string_view name);

// The numbers of all calls, by name in order: for tests and tools.
std::size_t syscall_count();
const SyscallEntry& syscall_at(std::size_t index);
std::string_view syscall_name(const SyscallEntry& entry);

}  // namespace gantry::kernel
