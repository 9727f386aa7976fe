// SPDX-License-Identifier: Apache-2.0
//
// Processor time so far, in the kernel too: what benchmarks count where others are at work beside them.
#pragma once

#include <ctime>

namespace gantry::testing {

inline double seconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

inline double processor_seconds_of_process() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }
inline double processor_seconds_of_thread() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace gantry::testing
