// SPDX-License-Identifier: Apache-2.0
//
// What stands behind Engine, for the files that implement it.
#pragma once

#include "base/unique_fd.h"
#include "engine/core.h"
#include "engine/engine.h"

namespace gantry::engine {

struct Engine::State {
  // One engine at a time works in these directories. Released when the process ends, however it does.
  UniqueFd root_lock;
  UniqueFd run_lock;
  Core core;
};

}  // namespace gantry::engine
