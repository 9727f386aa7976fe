// SPDX-License-Identifier: Apache-2.0
//
// What one build has on disk while it runs: a directory for bundles, downloads and unpacked contexts, the
// snapshots that its steps write to, and the runtime's state of its containers. Everything bears the build's
// id, and a lock says whether the build lives; so whatever a dead one left is found and removed by
// sweep_sessions().
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "image/image_store.h"
#include "image/key_lock.h"
#include "image/snapshots.h"

namespace gantry::build {

struct SessionPlaces {
  std::string root;  // of the store
  std::string run;
  std::string runtime;  // program, to remove containers with
  image::ImageStore* images = nullptr;
  image::Snapshots* snapshots = nullptr;
};

class Session {
 public:
  static Result<Session> begin(const SessionPlaces& places);
  Session(Session&&) noexcept;
  ~Session();

  const std::string& id() const { return state_->id; }
  // Absolute.
  const std::string& directory() const { return state_->directory; }
  const std::string& runtime_root() const { return state_->runtime_root; }
  const SessionPlaces& places() const { return state_->places; }
  const image::ContentStore& content() const { return state_->places.images->content(); }
  image::Snapshots& snapshots() const { return *state_->places.snapshots; }
  // Holds every blob and layer that the build has found or made.
  image::Lease& lease() const { return state_->lease; }

  // "bundle-3": no two are the same.
  std::string unique_name(const std::string& what) const;
  // A new empty directory; its path.
  Result<std::string> make_directory(const std::string& what) const;
  std::string snapshot_key(const std::string& name) const;

 private:
  struct State {
    SessionPlaces places;
    std::string id, directory, runtime_root;
    image::KeyLock lock;
    image::Lease lease;
    std::atomic<unsigned> names = 0;
  };
  explicit Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
  std::unique_ptr<State> state_;
};

// Removes what builds have left that were killed.
Result<void> sweep_sessions(const SessionPlaces& places);

}  // namespace gantry::build
