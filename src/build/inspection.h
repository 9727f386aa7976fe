// SPDX-License-Identifier: Apache-2.0
//
// What can be said of a Dockerfile without building it: its stages, what a target takes, and what is better
// written otherwise. Reads the Dockerfile of a request and nothing else.
//
//   const Inspection inspection = TRY(Inspection::of(request));
//   for (const TargetDescription& target : inspection.targets()) ...
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/builder.h"
#include "build/stage_graph.h"
#include "build/variables.h"
#include "dockerfile/dockerfile.h"
#include "dockerfile/lint.h"
#include "image/image_store.h"

namespace gantry::build {

struct TargetDescription {
  std::string name;  // empty: the stage has none
  std::string base;  // FROM, expanded
  bool is_default = false;
  dockerfile::LineRange lines;
};

// What somebody who builds a target can or has to give. In the order of the file.
struct Outline {
  struct Argument {
    std::string name;
    std::optional<std::string> value;  // that it would have
    dockerfile::LineRange lines;
  };
  struct Need {  // a secret, an agent, a cache
    std::string id;
    bool is_required = false;
    dockerfile::LineRange lines;
  };
  std::string target;  // empty: the stage has no name
  std::vector<Argument> arguments;
  std::vector<Need> secrets, agents, caches;
};

// What the linter is to look at: by the build argument, else by the Dockerfile. InvalidArgument.
Result<dockerfile::CheckRules> check_rules(const dockerfile::Dockerfile& file, const BuildRequest& request);
// As the linter asks for it: of an image that is in the store. Nothing is pulled for it.
std::optional<std::vector<std::string>> environment_of_image(const image::ImageStore& images,
                                                             const std::string& name);

// The request outlives it.
class Inspection {
 public:
  // InvalidArgument with the place, for what no build would take either, a target that is not there among it.
  static Result<Inspection> of(const BuildRequest& request);
  // What the linter says. `images` may be null.
  Result<std::vector<dockerfile::Warning>> warnings(const image::ImageStore* images) const;

  const std::string& file_name() const { return name_; }
  const std::string& text() const { return text_; }
  // A warning for people, with the lines that it is about.
  std::string shown(const dockerfile::Warning& warning) const;
  std::vector<TargetDescription> targets() const;
  // Of the request's target, with the stages that it needs.
  Outline outline() const;

 private:
  Inspection() = default;
  void add_arguments(const dockerfile::Instruction& instruction, bool is_global, Outline& outline) const;

  const BuildRequest* request_ = nullptr;
  std::string name_, text_;
  dockerfile::Dockerfile file_;
  std::optional<GlobalArguments> globals_;
  StageGraph graph_;
};

}  // namespace gantry::build
