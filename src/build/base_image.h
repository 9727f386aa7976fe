// SPDX-License-Identifier: Apache-2.0
//
// Images that a build starts from or copies from: found in the store, or pulled into it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "build/cancel.h"
#include "build/progress.h"
#include "build/session.h"
#include "build/stage_state.h"
#include "image/image_store.h"
#include "image/transfer/credentials.h"
#include "image/transfer/registries.h"
#include "oci/image/platform.h"

namespace gantry::build {

struct BaseImageOptions {
  image::Registries* registries = nullptr;  // null: what is not in the store is not found
  const std::map<std::string, image::Credentials>* credentials = nullptr;
  // For registries that those are not for; null or empty: what is configured.
  const std::function<Result<std::optional<image::Credentials>>(const std::string& registry)>*
      find_credentials = nullptr;
  bool pull = false;  // ask the registry also for what is there
};

// A stage that has done nothing yet: the image's config and layers, which the session's lease holds. `name`
// as a person writes it, or an id. NotFound says where was looked.
Result<StageState> load_base_image(const Session& session, const std::string& name,
                                   const oci::Platform& platform, const BaseImageOptions& options,
                                   Cancel& cancel, const VertexId& vertex, ProgressSink& progress);

// FROM scratch.
StageState empty_stage(const oci::Platform& platform);

// Unpacks the layers of a state that are not.
Result<void> unpack_layers(const Session& session, const StageState& state);

}  // namespace gantry::build
