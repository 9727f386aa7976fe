// SPDX-License-Identifier: Apache-2.0
#include "store/lease_table.h"

#include <algorithm>

namespace gantry::store {

void LeaseTable::add(LeaseId lease, std::chrono::seconds time, Time now) {
  leases_.try_emplace(lease, Lease{.time = time, .end = now + time, .is_ending = false, .keys = {}});
}

bool LeaseTable::begin_end(LeaseId lease, Time retry) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return false;
  found->second.is_ending = true;
  found->second.end = retry;
  return true;
}

void LeaseTable::remove(LeaseId lease) { leases_.erase(lease); }

bool LeaseTable::is_usable(LeaseId lease) const {
  const auto found = leases_.find(lease);
  return found != leases_.end() && !found->second.is_ending;
}

bool LeaseTable::renew(LeaseId lease, Time now) {
  const auto found = leases_.find(lease);
  if (found == leases_.end() || found->second.is_ending) return false;
  found->second.end = now + found->second.time;
  return true;
}

void LeaseTable::move(const std::string& key, LeaseId from, LeaseId to) {
  if (from == to) return;
  if (const auto old = leases_.find(from); old != leases_.end()) old->second.keys.erase(key);
  if (const auto now = leases_.find(to); now != leases_.end()) now->second.keys.insert(key);
}

std::vector<std::string> LeaseTable::keys_of(LeaseId lease) const {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return {};
  return {found->second.keys.begin(), found->second.keys.end()};
}

std::optional<LeaseTable::Time> LeaseTable::next_end() const {
  std::optional<Time> next;
  for (const auto& [id, lease] : leases_)
    if (!next || lease.end < *next) next = lease.end;
  return next;
}

std::vector<LeaseId> LeaseTable::ended(Time now) const {
  std::vector<LeaseId> ended;
  for (const auto& [id, lease] : leases_)
    if (lease.end <= now) ended.push_back(id);
  return ended;
}

}  // namespace gantry::store
