// SPDX-License-Identifier: Apache-2.0
//
// What a build came to, to build on by another one of the same store: its config and layers, which stay as
// long as this does. It is no image: it has no name, and nobody else sees it.
#pragma once

#include <memory>
#include <utility>

#include "base/error.h"
#include "build/session.h"
#include "build/stage_state.h"
#include "image/image_store.h"

namespace gantry::build {

class BuiltStage {
 public:
  // The session holds everything in the state.
  static Result<std::shared_ptr<const BuiltStage>> keep(const Session& session, StageState state);
  // For a build of its own, of which the session holds it from then on.
  Result<StageState> use(const Session& session) const;

 private:
  BuiltStage(StageState state, image::Lease lease) : state_(std::move(state)), lease_(std::move(lease)) {}
  const StageState state_;
  image::Lease lease_;
};

}  // namespace gantry::build
