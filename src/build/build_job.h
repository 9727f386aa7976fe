// SPDX-License-Identifier: Apache-2.0
//
// One build, from the Dockerfile's text to the image: reads the file, plans the stages, builds those that are
// needed side by side, and exports the target.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "build/builder.h"
#include "build/file_hashes.h"
#include "build/narrator.h"
#include "build/session.h"
#include "build/slots.h"
#include "build/stage_graph.h"
#include "build/stage_runner.h"
#include "build/step_cache.h"
#include "dockerfile/dockerfile.h"
#include "image/layer_cache.h"

namespace gantry::build {

// What the request says or names. NotFound.
Result<std::string> dockerfile_text(const BuildRequest& request);

class BuildJob {
 public:
  // Everything outlives the job.
  BuildJob(const BuilderOptions& options, image::LayerCache& layers, FileHashes& hashes,
           const Session& session, const BuildRequest& request, Cancel& cancel, ProgressSink& progress);

  Result<BuildResult> run();

 private:
  // A stage that is built at most once, by whoever needs it first.
  struct StageSlot {
    enum class State : std::uint8_t { New, Running, Done, Failed } state = State::New;
    StageState result;  // once it is done
  };

  Result<void> read_dockerfile();
  Result<void> lint();
  Result<void> plan();
  Result<void> import_caches();
  Result<void> build_stages();
  Result<StageState> result_of(std::size_t stage);
  Result<StageState> build_stage(std::size_t stage);
  Result<std::shared_ptr<Source>> find_source(const std::string& from, std::size_t stage);
  Result<std::shared_ptr<Source>> make_source(const std::string& from);
  Result<void> use_context(Context& context);
  void tell_failure(dockerfile::LineRange lines);
  void warn_of_unused_arguments();
  std::string place_of(dockerfile::LineRange lines) const;

  const BuilderOptions& options_;
  const BuildRequest& request_;
  const Session& session_;
  Cancel& cancel_;
  Narrator narrator_;
  FileHashes& hashes_;
  StepCache cache_;
  const oci::Platform platform_;
  const BaseImageOptions base_images_;
  Slots run_slots_;
  std::atomic<std::size_t> cached_steps_ = 0, run_steps_ = 0;

  // Constant once plan() is over.
  std::string text_;
  dockerfile::Dockerfile file_;
  GlobalArguments globals_;
  StageGraph graph_;
  std::vector<std::size_t> first_steps_;  // of each stage
  std::optional<StageContext> context_;

  Mutex mutex_;  // guards what follows
  std::vector<StageSlot> stages_ GUARDED_BY(mutex_);
  std::optional<Error> first_error_ GUARDED_BY(mutex_);
  bool has_told_failure_ GUARDED_BY(mutex_) = false;
  std::map<std::string, std::shared_ptr<Source>> sources_
      GUARDED_BY(mutex_);  // shared with the mounts of RUNs
  CondVar changed_;
};

}  // namespace gantry::build
