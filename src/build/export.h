// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a finished stage: an image in the store, a tar of its files, a directory.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "build/builder.h"
#include "build/cancel.h"
#include "build/narrator.h"
#include "build/session.h"
#include "build/stage_state.h"

namespace gantry::build {

// `epoch`: SOURCE_DATE_EPOCH.
Result<BuildResult> export_result(const Session& session, const BuildRequest& request,
                                  std::optional<std::int64_t> epoch, StageState state, Cancel& cancel,
                                  Narrator& narrator);

}  // namespace gantry::build
