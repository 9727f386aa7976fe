// SPDX-License-Identifier: Apache-2.0
//
// The leases of an embedded store: which keys hang on each, and when it ends. Its owner guards it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/store.h"

namespace gantry::store {

class LeaseTable {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void add(LeaseId lease, std::chrono::seconds time, Time now);
  // Nobody can use it any more, but its keys are known until remove(). Whoever ends it tries again at
  // `retry`, if it is still there then. False: there is none such.
  bool begin_end(LeaseId lease, Time retry);
  void remove(LeaseId lease);

  bool is_usable(LeaseId lease) const;
  // False: there is none such.
  bool renew(LeaseId lease, Time now);

  // A key hangs on one lease at most (0: on none).
  void move(const std::string& key, LeaseId from, LeaseId to);
  std::vector<std::string> keys_of(LeaseId lease) const;

  // When the next one ends.
  std::optional<Time> next_end() const;
  std::vector<LeaseId> ended(Time now) const;

 private:
  struct Lease {
    std::chrono::seconds time;
    Time end;
    bool is_ending = false;
    std::set<std::string> keys;
  };
  std::map<LeaseId, Lease> leases_;
};

}  // namespace gantry::store
