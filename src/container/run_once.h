// SPDX-License-Identifier: Apache-2.0
//
// Runs a bundle in the foreground and leaves nothing behind: what a build's RUN does. No shim, no log, no
// record; the container is gone when this returns, whatever happened.
//
//   Cancel: write to the eventfd given as `cancel_fd`; the container is killed and removed.
//   const WaitStatus status = TRY(run_once({.runtime = ..., .id = id, .bundle = dir, .out = pipe.get()}));
#pragma once

#include <string>

#include "base/error.h"
#include "base/process.h"

namespace gantry::container {

struct RunOnce {
  std::string runtime;       // gantry-runtime; paths are absolute
  std::string runtime_root;  // its --root
  std::string id;
  std::string bundle;
  int in = kDevNull;  // descriptors as in base/process.h: borrowed
  int out = kInherited;
  int err = kInherited;
  int cancel_fd = -1;  // readable: stop now; borrowed. -1: cannot be cancelled
};

// How the container's first process ended; a status of its own, as a shell reports it. An error is the
// runtime's (it could not be created), in its own words, or Conflict when it was cancelled. While it runs
// there is a file ID.log in the bundle. If this process is killed meanwhile, the runtime goes with it; what
// it had made stays until somebody calls remove_leftovers(). So let no other program use the same
// `runtime_root`.
Result<WaitStatus> run_once(const RunOnce& run);

// After a crash: kills and deletes the container of that id, if there is one...
Result<void> remove_leftover(const std::string& runtime, const std::string& runtime_root,
                             const std::string& id);
// ...or every one that the runtime has recorded there.
Result<void> remove_leftovers(const std::string& runtime, const std::string& runtime_root);

}  // namespace gantry::container
