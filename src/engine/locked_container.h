// SPDX-License-Identifier: Apache-2.0
//
// A container whose changes() are held: found, compared with what is really there, and not removed.
//
//   const LockedContainer container = TRY(LockedContainer::find(core, "web"));
//   TRY(start_container(core, container.shared(), StartedBy::Request));
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "engine/core.h"
#include "engine/restore.h"

namespace gantry::engine {

// Of one thread, as its lock is.
class LockedContainer {
 public:
  static Result<LockedContainer> find(Core& core, std::string_view ref) {
    LockedContainer locked(TRY(core.find(ref)));
    repair(core, locked.container_);
    if (locked->is_removed) return error(Code::NotFound, "No such container: {}", ref);
    return locked;
  }

  Container* operator->() const { return container_.get(); }
  Container& operator*() const { return *container_; }
  const std::shared_ptr<Container>& shared() const { return container_; }

 private:
  explicit LockedContainer(std::shared_ptr<Container> container)
      : container_(std::move(container)), lock_(std::make_unique<MutexLock>(container_->changes())) {}
  std::shared_ptr<Container> container_;
  std::unique_ptr<MutexLock> lock_;  // goes first
};

// For what waits, and locks for itself.
inline Result<std::shared_ptr<Container>> find_checked(Core& core, std::string_view ref) {
  return TRY(LockedContainer::find(core, ref)).shared();
}

}  // namespace gantry::engine
