// SPDX-License-Identifier: Apache-2.0
//
// A level of flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration: how many of all seats it has, and
// who waits for one. Part of Fairness, and guarded by its lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/json_tree.h"
#include "base/mutex.h"
#include "kube/fairness/fair_queue.h"

namespace gantry::kube {

// A request that has no seat yet, on its thread's stack.
struct Waiter {
  bool is_seated = false;
  CondVar changed;
};

// What the object says.
struct LevelSettings {
  std::string uid;
  bool is_exempt = false;
  std::int64_t shares = 30;
  std::int64_t lendable_percent = 0;
  std::optional<std::int64_t> borrowing_percent;  // of its own seats; nothing: as many as others lend
  FairQueueOptions queue;

  static LevelSettings from_tree(const json::Tree& level);
};

struct PriorityLevel {
  LevelSettings settings;
  std::size_t nominal = 0;   // its part of all seats
  std::size_t reserved = 0;  // what it does not lend
  std::size_t most = 0;      // with what it may borrow
  std::size_t in_use = 0;
  FairQueue<Waiter> waiting;
};

}  // namespace gantry::kube
