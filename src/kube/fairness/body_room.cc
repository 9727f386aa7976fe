// SPDX-License-Identifier: Apache-2.0
#include "kube/fairness/body_room.h"

namespace gantry::kube {
namespace {

constexpr int kRetryAfter = 1;  // seconds

Status refused() {
  return too_many_requests("Too many request bodies are being received, please try again later.",
                           kRetryAfter);
}

// Whether somebody who has `own` leaves as much as that to others when he gets `more`.
bool leaves_room(std::size_t own, std::size_t more, std::size_t taken, std::size_t all) {
  return taken + more <= all && own + more <= all - taken - more + 1;
}

}  // namespace

Answer<BodyRoom::Place> BodyRoom::enter(std::string_view user) {
  const MutexLock lock(mutex_);
  auto part = parts_.find(user);
  const std::size_t own = part == parts_.end() ? 0 : part->second.bodies;
  if (!leaves_room(own, 1, taken_.bodies, options_.bodies)) return refused();
  if (part == parts_.end()) part = parts_.emplace(user, Part{}).first;
  ++part->second.places;
  ++part->second.bodies;
  ++taken_.bodies;
  return Place(*this, part);
}

std::size_t BodyRoom::coming() const {
  const MutexLock lock(mutex_);
  return taken_.bodies;
}

Answer<void> BodyRoom::Place::add(std::size_t bytes) {
  const MutexLock lock(room_->mutex_);
  if (!leaves_room(part_->second.bytes, bytes, room_->taken_.bytes, room_->options_.bytes)) return refused();
  part_->second.bytes += bytes;
  room_->taken_.bytes += bytes;
  bytes_ += bytes;
  return {};
}

void BodyRoom::Place::arrive() {
  if (!std::exchange(is_coming_, false)) return;
  const MutexLock lock(room_->mutex_);
  --part_->second.bodies;
  --room_->taken_.bodies;
}

BodyRoom::Place::~Place() {
  if (room_ == nullptr) return;
  arrive();
  const MutexLock lock(room_->mutex_);
  part_->second.bytes -= bytes_;
  room_->taken_.bytes -= bytes_;
  if (--part_->second.places == 0) room_->parts_.erase(part_);
}

}  // namespace gantry::kube
