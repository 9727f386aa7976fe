// SPDX-License-Identifier: Apache-2.0
//
// Closed until somebody opens it, once; whoever comes to it before waits there. All of them are woken by one
// call, and none has to take a lock to go on, which with a condition variable each of them has.
//
//   Gate is_done;
//   ... is_done.wait();    // on many threads
//   ... is_done.open();    // on one; what it did before is seen by those who have waited
#pragma once

#include <atomic>
#include <cstdint>

namespace gantry {

class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Who waits may be gone, and the gate with him, as soon as this has begun: open() of a gate that lives on
  // the stack of one of them is right all the same, since it touches no memory after the gate is open.
  void open();
  void wait();

 private:
  std::atomic<std::uint32_t> is_open_ = 0;  // futex(2)
};

}  // namespace gantry
