// SPDX-License-Identifier: Apache-2.0
//
// What the kernel does with a seccomp program (net/core/filter.c, kernel/seccomp.c), for tests and
// the fuzzer: checks one as seccomp(2) would, and runs it on a system call.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace gantry::runtime {

// Null if the kernel would take the program, else what is wrong with it.
inline const char* fault_of(std::span<const sock_filter> program) {
  if (program.empty() || program.size() > BPF_MAXINSNS) return "its length";
  for (std::size_t i = 0; i < program.size(); ++i) {
    const sock_filter& instruction = program[i];
    const std::size_t rest = program.size() - i - 1;
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (instruction.k % 4 != 0 || instruction.k >= sizeof(seccomp_data)) return "an offset";
        break;
      case BPF_JMP | BPF_JA:
        if (instruction.k >= rest) return "a jump beyond the end";
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
      case BPF_JMP | BPF_JGT | BPF_K:
      case BPF_JMP | BPF_JGE | BPF_K:
      case BPF_JMP | BPF_JSET | BPF_K:
        if (instruction.jt >= rest || instruction.jf >= rest) return "a branch beyond the end";
        break;
      case BPF_ALU | BPF_AND | BPF_K:
      case BPF_RET | BPF_K: break;
      default: return "an unknown instruction";
    }
  }
  return program.back().code == (BPF_RET | BPF_K) ? nullptr : "its end";
}

struct SeccompRun {
  std::uint32_t action;
  unsigned steps;  // instructions executed
};

// Of a program without fault.
inline SeccompRun run(std::span<const sock_filter> program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  unsigned steps = 0;
  for (std::size_t i = 0;; ++i) {
    const sock_filter& instruction = program[i];
    const std::uint32_t k = instruction.k;
    const auto branch = [&](bool condition) { i += condition ? instruction.jt : instruction.jf; };
    ++steps;
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + k, sizeof accumulator);
        break;
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= k; break;
      case BPF_JMP | BPF_JA: i += k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: branch(accumulator == k); break;
      case BPF_JMP | BPF_JGT | BPF_K: branch(accumulator > k); break;
      case BPF_JMP | BPF_JGE | BPF_K: branch(accumulator >= k); break;
      case BPF_JMP | BPF_JSET | BPF_K: branch(accumulator & k); break;
      default: return {k, steps};  // BPF_RET | BPF_K
    }
  }
}

}  // namespace gantry::runtime
