// SPDX-License-Identifier: Apache-2.0
//
// What this process itself uses, as /proc/self tells it: for metrics.
#pragma once

#include <cstdint>

namespace gantry::docker {

struct ProcessFacts {
  double cpu_seconds = 0;  // user and system
  double start_time = 0;   // seconds since 1970
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;                              // the soft limit
  std::uint64_t virtual_memory = 0, resident_memory = 0;  // bytes
  std::uint64_t threads = 0;

  // What cannot be read stays 0.
  static ProcessFacts read();
};

}  // namespace gantry::docker
