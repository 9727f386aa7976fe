// SPDX-License-Identifier: Apache-2.0
#include "build/session.h"

#include <fcntl.h>

#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/random.h"
#include "container/run_once.h"

namespace gantry::build {
namespace {

constexpr const char* kSnapshots = "build/";  // what the keys of snapshots begin with

std::string work_directory(const SessionPlaces& places) { return places.root + "/build/work"; }
std::string runtime_roots(const SessionPlaces& places) { return places.run + "/build"; }
std::string lock_key(const std::string& id) { return "build " + id; }

// In this order: containers use the snapshots, and by the directory one sees that there was a build.
Result<void> remove_remains(const SessionPlaces& places, const std::string& id) {
  TRY(container::remove_leftovers(places.runtime, fmt::format("{}/{}", runtime_roots(places), id)));
  TRY(remove_tree_at(AT_FDCWD, fmt::format("{}/{}", runtime_roots(places), id)));
  for (const image::Snapshot& snapshot : TRY(places.snapshots->snapshots()))
    if (snapshot.key.starts_with(kSnapshots + id + "/"))
      TRY(places.snapshots->remove(snapshot.key, image::Snapshots::IfMounted::Remove));
  return remove_tree_at(AT_FDCWD, fmt::format("{}/{}", work_directory(places), id));
}

}  // namespace

Result<Session> Session::begin(const SessionPlaces& places) {
  const std::string id = random_hex(6);
  image::KeyLock lock = TRY(image::KeyLock::acquire(places.root, lock_key(id)));
  image::Lease lease = TRY(places.images->lease("build " + id));
  auto state =
      std::unique_ptr<State>(new State{.places = places,
                                       .id = id,
                                       .directory = fmt::format("{}/{}", work_directory(places), id),
                                       .runtime_root = fmt::format("{}/{}", runtime_roots(places), id),
                                       .lock = std::move(lock),
                                       .lease = std::move(lease)});
  // What is in it is closed, but for the roots of RUNs with a user namespace of their own.
  TRY_DURING(make_directories(state->directory, 0711), "make the build's directory");
  return Session(std::move(state));
}

Session::Session(Session&&) noexcept = default;

Session::~Session() {
  // What cannot be removed now is found by the next sweep.
  if (state_) (void)remove_remains(state_->places, state_->id);
}

std::string Session::unique_name(const std::string& what) const {
  return fmt::format("{}-{}", what, state_->names++);
}

Result<std::string> Session::make_directory(const std::string& what) const {
  std::string path = fmt::format("{}/{}", state_->directory, unique_name(what));
  TRY(make_directories(path, 0700));
  return path;
}

std::string Session::snapshot_key(const std::string& name) const {
  return fmt::format("{}{}/{}", kSnapshots, state_->id, name);
}

Result<void> sweep_sessions(const SessionPlaces& places) {
  auto ids = names_in(AT_FDCWD, work_directory(places));
  if (!ids && ids.error().code() == Code::NotFound) return {};
  for (const std::string& id : TRY(std::move(ids))) {
    const auto lock = TRY(image::KeyLock::try_acquire(places.root, lock_key(id)));
    if (lock) TRY_DURING(remove_remains(places, id), "remove what build '{}' has left", id);
  }
  return {};
}

}  // namespace gantry::build
