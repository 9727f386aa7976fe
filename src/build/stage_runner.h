// SPDX-License-Identifier: Apache-2.0
//
// Builds one stage: its base, then instruction after instruction. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/base_image.h"
#include "build/builder.h"
#include "build/copy_set.h"
#include "build/file_hashes.h"
#include "build/key_hasher.h"
#include "build/narrator.h"
#include "build/run_step.h"
#include "build/session.h"
#include "build/slots.h"
#include "build/source.h"
#include "build/stage_graph.h"
#include "build/stage_state.h"
#include "build/step_cache.h"
#include "dockerfile/dockerfile.h"

namespace gantry::build {

// What the stages of one build share. Everything outlives them and is thread-safe or constant.
struct StageContext {
  const BuilderOptions& options;
  const BuildRequest& request;
  const dockerfile::Dockerfile& file;
  const StageGraph& graph;
  const GlobalArguments& globals;
  const oci::Platform& platform;
  std::optional<std::int64_t> epoch;  // SOURCE_DATE_EPOCH, seconds since 1970
  const BaseImageOptions& base_images;
  const Session& session;
  StepCache& cache;
  FileHashes& hashes;
  Cancel& cancel;
  Narrator& narrator;
  Slots& run_slots;
  // Another stage's result, which is waited for; and what "--from" means ("" is the context).
  std::function<Result<StageState>(std::size_t stage)> result_of;
  std::function<Result<std::shared_ptr<Source>>(const std::string& from, std::size_t stage)> find_source;
  // Called with the instruction that an error is about.
  std::function<void(const dockerfile::Instruction&)> on_failure;
  std::size_t steps = 0;  // of all stages that are built
  std::atomic<std::size_t>& cached_steps;
  std::atomic<std::size_t>& run_steps;
};

class StageRunner {
 public:
  // `first_step` is the number of the stage's FROM among all steps, from 1.
  StageRunner(const StageContext& context, const StagePlan& plan, std::size_t first_step)
      : context_(context), plan_(plan), step_(first_step) {}

  Result<StageState> run();

 private:
  using Make = std::function<Result<NewLayer>()>;

  Result<void> begin();
  Result<StageState> load_base(Telling& telling);
  Result<void> run_triggers();
  Result<void> execute(const dockerfile::Instruction& instruction, std::size_t step);
  Result<void> execute_step(const dockerfile::Instruction& instruction, Telling& telling);
  Result<void> change_directory(const dockerfile::Instruction& instruction, const dockerfile::Workdir& step,
                                Telling& telling);
  Result<void> copy(const dockerfile::Instruction& instruction, const dockerfile::Copy& step,
                    Telling& telling);
  Result<void> run(const dockerfile::Instruction& instruction, const dockerfile::Run& step, Telling& telling);

  // Takes the step's layer from the cache, or makes it.
  Result<void> add_layer(const dockerfile::Instruction& instruction, const std::string& history,
                         const oci::Digest& key, Telling& telling, const Make& make);
  void add_history(const std::string& text, bool has_layer, const std::string& comment = {});
  Vertex describe(const dockerfile::Instruction& instruction, std::size_t step) const;
  // "Dockerfile:3: RUN make": what an error is about.
  std::string place_of(const dockerfile::Instruction& instruction) const;
  KeyHasher new_key(const char* kind) const;
  bool may_use_cache() const;
  CommitOptions commit_options() const { return {.latest_time = context_.epoch}; }

  Result<CopyWish> wish_of(const dockerfile::Copy& step);
  Result<Owner> owner_of(const std::string& text, const kernel::RootDir& root) const;
  Result<NewLayer> write_copy(const CopyWish& wish, const CopySet& set, bool is_linked);
  oci::Digest copy_without_files(const CopyWish& wish, const std::string& from) const;
  // `files`: as the set describes them. Nothing if all of it has to be written.
  Result<std::optional<NewLayer>> update_copy(const CopyWish& wish, const CopySet& set,
                                              const oci::Digest& step, const std::string& files);
  Result<bool> can_stand_on(const oci::Digest& layer) const;
  Result<bool> uncovers(const CopyWish& wish, const CopyChange& change) const;
  Result<CopySet> add_remote(const dockerfile::Copy& step, const CopyWish& wish, Source* context);
  Result<RunCommand> command_of(const dockerfile::Run& step);
  Result<void> add_mounts(const dockerfile::Run& step, RunCommand& command);
  Result<NewLayer> run_in_container(const RunCommand& command, Telling& telling);
  Result<std::string> expand(const dockerfile::Word& word);

  const StageContext& context_;
  const StagePlan& plan_;
  std::size_t step_;
  std::size_t layer_steps_ = 1;  // done so far, FROM among them
  std::size_t all_layer_steps_ = 1;
  StageState state_;
};

}  // namespace gantry::build
