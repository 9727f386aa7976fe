// SPDX-License-Identifier: Apache-2.0
//
// Which stages a build needs, and what each stands on. A stage only ever refers to stages before it, so there
// are no circles; one that is named before it exists is told so.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/variables.h"
#include "dockerfile/dockerfile.h"
#include "oci/image/platform.h"

namespace gantry::build {

struct StagePlan {
  const dockerfile::Stage* stage = nullptr;
  std::string base;                       // FROM, expanded
  std::optional<std::size_t> base_stage;  // the stage of that name
  std::optional<oci::Platform> platform;  // --platform
  std::vector<std::size_t> uses;          // all stages that it refers to, the base among them
  bool is_needed = false;                 // by the target

  bool is_scratch() const { return !base_stage && base == "scratch"; }
};

struct StageGraph {
  std::vector<StagePlan> stages;  // of the file, in its order
  std::size_t target = 0;
};

// The place of an error is that of the instruction it is about.
struct GraphProblem {
  dockerfile::LineRange lines;
};

// ARGs before the first FROM, in order: each sees those before it. InvalidArgument.
Result<void> declare_arguments(const dockerfile::Dockerfile& file, GlobalArguments& globals,
                               GraphProblem& problem);

// `target` is a stage's name or number; empty: the last. InvalidArgument: "…:<line>: sentence".
Result<StageGraph> plan_stages(const dockerfile::Dockerfile& file, const std::string& target,
                               const GlobalArguments& globals, GraphProblem& problem);

// The stage that "--from=name" means in the stage `index`; nothing if it is none of the stages.
Result<std::optional<std::size_t>> find_source_stage(const dockerfile::Dockerfile& file,
                                                     const std::string& name, std::size_t index);

}  // namespace gantry::build
