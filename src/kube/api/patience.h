// SPDX-License-Identifier: Apache-2.0
//
// How long others may be faster, one after the other: each time one of them gets on, so it is a question of
// time and not of tries.
//
//   for (const Patience patience; patience.is_left();) { look; if (write()) return; }
#pragma once

#include <chrono>

namespace gantry::kube {

class Patience {
 public:
  bool is_left() const { return std::chrono::steady_clock::now() < end_; }

 private:
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + std::chrono::seconds(30);
};

}  // namespace gantry::kube
