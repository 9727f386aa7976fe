// SPDX-License-Identifier: Apache-2.0
//
// Keeps one client from starving the rest. Requests are sorted by FlowSchemas into priority levels; each
// level has a part of all seats, lends what it does not need, and when none is left for it its requests wait
// in fair lines (fair_queue.h) or are refused with 429.
//
//   const Seat seat = TRY(fairness.admit(request));     // until it goes away the request counts
//
// A request that waits holds its thread: `seats` and `max_waiting` together (and the bodies of body_room.h)
// should be fewer than the server's threads, so that exempt requests always find one. A request takes its
// seat when its body is there. Watches and streams take no seat for longer than it takes to begin them.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "kube/api/object_source.h"
#include "kube/api/status.h"
#include "kube/api/user.h"
#include "kube/fairness/flow_schema.h"

namespace gantry::kube {

struct FairnessOptions {
  std::size_t seats = 600;        // --max-requests-inflight and --max-mutating-requests-inflight together
  std::size_t max_waiting = 600;  // in all levels
  std::chrono::milliseconds max_wait = std::chrono::seconds(15);
};

class Fairness;
struct PriorityLevel;
struct Waiter;

// What a request holds while it is served.
class Seat {
 public:
  Seat(Seat&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)),
        level_(std::move(other.level_)),
        schema_uid_(std::move(other.schema_uid_)),
        level_uid_(std::move(other.level_uid_)) {}
  Seat& operator=(Seat&&) = delete;
  ~Seat();

  // For the headers X-Kubernetes-PF-FlowSchema-UID and X-Kubernetes-PF-PriorityLevel-UID.
  const std::string& schema_uid() const { return schema_uid_; }
  const std::string& level_uid() const { return level_uid_; }

 private:
  friend class Fairness;
  Seat(Fairness* owner, std::shared_ptr<PriorityLevel> level, std::string schema_uid, std::string level_uid)
      : owner_(owner),
        level_(std::move(level)),
        schema_uid_(std::move(schema_uid)),
        level_uid_(std::move(level_uid)) {}

  Fairness* owner_;  // null: exempt, or given away
  std::shared_ptr<PriorityLevel> level_;
  std::string schema_uid_;
  std::string level_uid_;
};

// For any thread; outlives its seats.
class Fairness {
 public:
  // Until there are FlowSchemas and levels in `objects`, and for those that are gone, the stock ones count.
  Fairness(FairnessOptions options, ObjectSource& objects);
  Fairness(const Fairness&) = delete;
  Fairness& operator=(const Fairness&) = delete;
  ~Fairness();

  // Waits until it is this request's turn. 429 with Retry-After when its line is full, or it took too long.
  Answer<Seat> admit(const AccessRequest& request);

  // A PriorityLevelConfiguration at this moment.
  struct LevelUse {
    std::string name;
    std::size_t nominal = 0;  // seats
    std::size_t in_use = 0;   // of them
    std::size_t waiting = 0;  // requests
  };
  std::vector<LevelUse> use() const;
  std::size_t in_use() const;
  std::size_t waiting() const;

 private:
  friend class Seat;
  using Levels = std::map<std::string, std::shared_ptr<PriorityLevel>, std::less<>>;

  void change_schema(const ObjectChange& change) EXCLUDES(mutex_);
  void change_level(const ObjectChange& change) EXCLUDES(mutex_);
  void put_schema(FlowSchema schema) REQUIRES(mutex_);
  void put_level(std::string_view name, const json::Tree& level) REQUIRES(mutex_);
  void share_seats() REQUIRES(mutex_);

  const FlowSchema& schema_of(const AccessRequest& request) const REQUIRES(mutex_);
  bool has_seat_for(const PriorityLevel& level) const REQUIRES(mutex_);
  Answer<void> wait(PriorityLevel& level, std::uint64_t flow) REQUIRES(mutex_);
  void seat_those_who_wait() REQUIRES(mutex_);
  void release(PriorityLevel& level) EXCLUDES(mutex_);

  const FairnessOptions options_;
  mutable Mutex mutex_;  // guards what follows
  Levels levels_ GUARDED_BY(mutex_);
  std::vector<FlowSchema> schemas_ GUARDED_BY(mutex_);  // by precedence, then name
  std::size_t in_use_ GUARDED_BY(mutex_) = 0;
  std::size_t waiting_ GUARDED_BY(mutex_) = 0;
  std::string last_served_ GUARDED_BY(mutex_);  // level
  std::vector<std::unique_ptr<ObjectFollower>> followers_;
};

}  // namespace gantry::kube
