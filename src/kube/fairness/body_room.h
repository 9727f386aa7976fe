// SPDX-License-Identifier: Apache-2.0
//
// Room for the bodies of requests. A body that comes slowly holds no seat (fairness.h), but it holds a thread
// while it comes and memory until its request is done; both are bounded here. A user may have as much as he
// leaves free for others: one alone gets half of the room, two get a third each, and whoever comes next
// always finds some.
//
//   BodyRoom::Place place = TRY(room.enter(user));     // before the first byte is waited for
//   TRY(place.add(bytes));                             // for each that is kept
//   place.arrive();                                    // nobody waits for it any more
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "kube/api/status.h"

namespace gantry::kube {

struct BodyRoomOptions {
  std::size_t bodies = 512;         // that are being received
  std::size_t bytes = 256UL << 20;  // of them, and of those whose requests are being served
};

// For any thread; outlives its places.
class BodyRoom {
  struct Part {
    std::size_t places = 0;
    std::size_t bodies = 0;  // of them, those that are being received
    std::size_t bytes = 0;
  };
  using Parts = std::map<std::string, Part, std::less<>>;

 public:
  // What one body holds, given back by its end. Of one thread.
  class Place {
   public:
    Place(Place&& other) noexcept
        : room_(std::exchange(other.room_, nullptr)),
          part_(other.part_),
          bytes_(other.bytes_),
          is_coming_(other.is_coming_) {}
    Place& operator=(Place&&) = delete;
    ~Place();

    // 429 if the user has too much here already.
    Answer<void> add(std::size_t bytes);
    void arrive();

   private:
    friend class BodyRoom;
    Place(BodyRoom& room, Parts::iterator part) : room_(&room), part_(part) {}

    BodyRoom* room_;  // null: given away
    Parts::iterator part_;
    std::size_t bytes_ = 0;
    bool is_coming_ = true;
  };

  explicit BodyRoom(BodyRoomOptions options) : options_(options) {}
  BodyRoom(const BodyRoom&) = delete;
  BodyRoom& operator=(const BodyRoom&) = delete;

  // 429 with Retry-After if the user has too many here already.
  Answer<Place> enter(std::string_view user) EXCLUDES(mutex_);

  std::size_t coming() const EXCLUDES(mutex_);  // bodies

 private:
  const BodyRoomOptions options_;
  mutable Mutex mutex_;             // guards what follows
  Parts parts_ GUARDED_BY(mutex_);  // by user; of those who have something here
  Part taken_ GUARDED_BY(mutex_);   // by all
};

}  // namespace gantry::kube
