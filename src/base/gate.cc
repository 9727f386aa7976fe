// SPDX-License-Identifier: Apache-2.0
#include "base/gate.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace gantry {

// Of threads of this process alone.
static void futex(const std::atomic<std::uint32_t>& word, int operation, std::uint32_t number) {
  // Whatever it answers, both callers are right: who was woken looks again.
  (void)::syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, number, nullptr, nullptr, 0);
}

void Gate::open() {
  is_open_.store(1, std::memory_order_release);
  futex(is_open_, FUTEX_WAKE, INT_MAX);
}

void Gate::wait() {
  while (is_open_.load(std::memory_order_acquire) == 0) futex(is_open_, FUTEX_WAIT, 0);
}

}  // namespace gantry
