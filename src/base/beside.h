// SPDX-License-Identifier: Apache-2.0
//
// Work that is done beside what its owner does, if a thread is free for it. The destructor waits for it; when
// no thread has begun it by then, the owner does it itself. So a pool that is busy costs nothing but the
// overlap, and nobody waits for work that has not begun.
//
//   {
//     const Beside hashing(pool, [&] { hasher.update(bytes); });
//     TRY(write_all(file, bytes));
//   }                                    // hashed, however writing went
//
// Worth it from some 100 us of work on: waking a thread takes about 10.
#pragma once

#include <functional>
#include <memory>

#include "base/thread_pool.h"

namespace gantry {

class Beside {
 public:
  Beside(ThreadPool& pool, std::move_only_function<void()> work);
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;
  ~Beside();

 private:
  struct State;
  // Also of the pool's task, which may come to it long after the work was done by the owner.
  std::shared_ptr<State> state_;
};

}  // namespace gantry
