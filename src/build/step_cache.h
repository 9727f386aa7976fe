// SPDX-License-Identifier: Apache-2.0
//
// What steps have made before, here or in images that are said to be good for that (--cache-from).
//
// A key is the SHA-256 of everything that a step's result depends on (docs/formats/build-cache.md). Images
// carry the keys of their layers in the comments of their history, so that they can serve as a cache.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "build/stage_state.h"
#include "build/step_root.h"
#include "image/layer_cache.h"
#include "oci/image/digest.h"

namespace gantry::build {

// Thread-safe. Of one build.
class StepCache {
 public:
  StepCache(const Session& session, image::LayerCache& layers) : session_(session), layers_(layers) {}

  // The layers of an image that was built here serve, too. How many do.
  std::size_t import(const StageState& image);

  // The layer that a step with this key has made, held by the session's lease.
  Result<std::optional<NewLayer>> find(const oci::Digest& key);
  Result<void> add(const oci::Digest& key, const NewLayer& layer, const std::string& description);
  // Notes in the database what was used. Once, at the end.
  Result<void> finish();

 private:
  const Session& session_;
  image::LayerCache& layers_;
  Mutex mutex_;  // guards what follows
  std::map<std::string, NewLayer> imported_ GUARDED_BY(mutex_);
  std::vector<std::string> used_ GUARDED_BY(mutex_);
};

// What stands in the history for a step with this key.
std::string history_comment(const oci::Digest& key);

}  // namespace gantry::build
