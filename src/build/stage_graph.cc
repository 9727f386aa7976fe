// SPDX-License-Identifier: Apache-2.0
#include "build/stage_graph.h"

#include <utility>
#include <variant>

#include "base/printable.h"
#include "dockerfile/expansion.h"
#include "dockerfile/spelling.h"

namespace gantry::build {

using dockerfile::Dockerfile;
using dockerfile::Instruction;

namespace {

// The words of an instruction that may name a stage.
std::vector<dockerfile::Word> froms_of(const Instruction& instruction) {
  std::vector<dockerfile::Word> froms;
  if (const auto* copy = std::get_if<dockerfile::Copy>(&instruction.body)) froms.push_back(copy->from);
  if (const auto* run = std::get_if<dockerfile::Run>(&instruction.body))
    for (const dockerfile::RunMount& mount : run->mounts) froms.push_back(mount.from);
  std::erase_if(froms, [](const dockerfile::Word& word) { return word.is_empty(); });
  return froms;
}

class Planner {
 public:
  Planner(const Dockerfile& file, const GlobalArguments& globals, GraphProblem& problem)
      : file_(file), globals_(globals), problem_(problem) {}

  Result<StageGraph> run(const std::string& target) {
    StageGraph graph;
    for (const dockerfile::Stage& stage : file_.stages) graph.stages.push_back(TRY(plan(stage)));
    graph.target = graph.stages.size() - 1;
    if (!target.empty()) graph.target = TRY(find_target(target));
    graph.stages[graph.target].is_needed = true;
    // What is used stands before who uses it.
    for (std::size_t i = graph.target + 1; i-- > 0;)
      if (graph.stages[i].is_needed)
        for (const std::size_t used : graph.stages[i].uses) graph.stages[used].is_needed = true;
    return graph;
  }

 private:
  Result<StagePlan> plan(const dockerfile::Stage& stage) {
    StagePlan plan{.stage = &stage};
    problem_.lines = stage.instruction.lines;
    const dockerfile::ExpandOptions options{.escape = file_.directives.escape};
    plan.base = TRY(dockerfile::expand(stage.from.image.text, globals_.lookup(), options));
    if (plan.base.empty())
      return error(
          Code::InvalidArgument,
          "the name '{}' is empty once its variables are expanded; an ARG before the first FROM gives "
          "them values",
          printable(stage.from.image.text));
    if (!stage.from.platform.is_empty()) {
      const std::string platform =
          TRY(dockerfile::expand(stage.from.platform.text, globals_.lookup(), options));
      if (platform.empty())
        return error(Code::InvalidArgument, "the platform '{}' is empty once its variables are expanded",
                     printable(stage.from.platform.text));
      plan.platform = TRY(oci::Platform::parse(platform));
    }
    if (const dockerfile::Stage* base = file_.find_stage(plan.base, stage.index);
        base != nullptr && base->from.name == lower(plan.base)) {
      plan.base_stage = base->index;
      plan.uses.push_back(base->index);
    }
    for (const Instruction& instruction : stage.instructions) {
      problem_.lines = instruction.lines;
      for (const dockerfile::Word& from : froms_of(instruction)) {
        if (from.text.find('$') != from.text.npos)
          return error(Code::InvalidArgument,
                       "'{}': a variable cannot say where files come from; give the image a name by "
                       "FROM {} AS name",
                       printable(from.text), printable(from.text));
        if (const auto used = TRY(find_source_stage(file_, from.text, stage.index)))
          plan.uses.push_back(*used);
      }
    }
    return plan;
  }

  static std::string lower(std::string text) {
    for (char& c : text)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
  }

  Result<std::size_t> find_target(const std::string& target) {
    problem_.lines = {};
    if (const dockerfile::Stage* found = file_.find_stage(target, file_.stages.size())) return found->index;
    std::vector<std::string_view> names;
    for (const dockerfile::Stage& stage : file_.stages)
      if (!stage.from.name.empty()) names.push_back(stage.from.name);
    const std::string_view meant = dockerfile::nearest(target, names);
    return error(Code::InvalidArgument, "there is no stage '{}' to be built{}{}{}", printable(target),
                 meant.empty() ? "" : "; did you mean '", meant, meant.empty() ? "" : "'?");
  }

  const Dockerfile& file_;
  const GlobalArguments& globals_;
  GraphProblem& problem_;
};

}  // namespace

Result<void> declare_arguments(const Dockerfile& file, GlobalArguments& globals, GraphProblem& problem) {
  constexpr std::size_t kMostBytes = 4 << 20;  // of all values
  std::size_t bytes = 0;
  for (const Instruction& instruction : file.arguments) {
    problem.lines = instruction.lines;
    for (const auto& item : std::get<dockerfile::Arg>(instruction.body).items) {
      std::optional<std::string> value;
      if (item.value)
        value =
            TRY(dockerfile::expand(item.value->text, globals.lookup(), {.escape = file.directives.escape}));
      bytes += value.value_or("").size();
      if (bytes > kMostBytes)
        return error(Code::ResourceExhausted, "the arguments have more than {} bytes", kMostBytes);
      globals.declare(item.name, value);
    }
  }
  return {};
}

Result<StageGraph> plan_stages(const Dockerfile& file, const std::string& target,
                               const GlobalArguments& globals, GraphProblem& problem) {
  return Planner(file, globals, problem).run(target);
}

Result<std::optional<std::size_t>> find_source_stage(const Dockerfile& file, const std::string& name,
                                                     std::size_t index) {
  if (const dockerfile::Stage* found = file.find_stage(name, index)) return std::optional(found->index);
  const dockerfile::Stage* later = file.find_stage(name, file.stages.size());
  if (later == nullptr) return std::optional<std::size_t>();
  if (later->index == index)
    return error(Code::InvalidArgument,
                 "stage '{}' refers to itself: it would have to be built before it is built",
                 printable(name));
  return error(
      Code::InvalidArgument,
      "stage '{}' stands further down (line {}); only stages before this one can be used, so that none "
      "waits for itself",
      printable(name), later->instruction.at.line);
}

}  // namespace gantry::build
