// SPDX-License-Identifier: Apache-2.0
//
// Removes interfaces of the host without waiting for the end of it: the kernel answers a removal only after a
// grace period of RCU, some 20 ms later than nobody can see the interface any more (measured on Linux 6.18:
// 29 ms and 1 ms). So the request is made by a thread of a pool, and who asked waits for the news of it.
#pragma once

#include <string>

#include "base/error.h"
#include "base/thread_pool.h"

namespace gantry::network {

class LinkRemover {
 public:
  // Returns when the interface has gone from its namespace; its name may be used again. None there: fine.
  Result<void> remove(const std::string& name);

 private:
  ThreadPool pool_{{.name = "links", .max_threads = 16, .max_waiting = 4096, .stack_size = 128 << 10}};
};

}  // namespace gantry::network
